import type { DuplicateGroup, DuplicateOptions, DuplicatePair } from './duplicates.js'
import type { Facet, FacetOptions, PlaceCell, PlaceOptions, SharedWord, SharedWordOptions } from './facets.js'
import type { HybridHit, HybridOptions } from './hybrid.js'
import type { QueryPart } from './prompts.js'
import type { ModelId } from './repository.js'
import type { BrowsedPhoto, BrowseOptions, Hit, PhotoDetails, SearchOptions } from './search.js'

/**
 * Search over the embeddings of one model: the documented SQL functions, typed. Hits come by falling score, less their
 * correction where they have one, then by id.
 * Scores are exact, and the same question always gets the same answer while the photos, their index and its settings do
 * not change. Every method rejects with AppError FILTER_INVALID for an invalid condition, and USAGE for a number or a
 * vector that does not fit.
 */
export interface SearchRepository {
  /** `search_photos`. @param query [dimension], of any length but zero */
  search(modelId: ModelId, query: Float32Array, options: SearchOptions): Promise<Hit[]>
  /** `search_text`. @param prompt words whose embedding is stored; otherwise rejects with PROMPT_NOT_EMBEDDED */
  searchText(modelId: ModelId, prompt: string, options: Omit<SearchOptions, 'kind'>): Promise<Hit[]>
  /**
   * `search_photos` with `combine`. Rejects with AppError PROMPT_NOT_EMBEDDED, NOT_EMBEDDED (a photo), and USAGE for a
   * weight that is out of range or parts that cancel each other out.
   */
  searchCombined(modelId: ModelId, parts: readonly QueryPart[], options: SearchOptions): Promise<Hit[]>
  /** `similar_photos`: nearest to an embedded photo, without that photo. Rejects with AppError NOT_EMBEDDED. */
  similar(modelId: ModelId, photoId: string, options: Omit<SearchOptions, 'kind' | 'correctionWeight'>): Promise<Hit[]>
  /** `browse_photos`: embedded photos by their date. */
  browse(modelId: ModelId, options: BrowseOptions): Promise<BrowsedPhoto[]>
  /** Embedded photos. */
  countPhotos(modelId: ModelId): Promise<number>
  /** The embeddings of photos by id, [dimension] each. Photos without one are left out. */
  embeddings(modelId: ModelId, photoIds: readonly string[]): Promise<Map<string, Float32Array>>
  /**
   * `search_hybrid`: by meaning and by the words themselves. Words are found in descriptions, names of places and
   * landmarks, and keywords; all of them must occur unless `or` stands between. `"a phrase"` and `-without` work, too.
   * @param query [dimension], of the prompt or of anything else; null: the stored embedding of the prompt. Rejects with
   * AppError PROMPT_NOT_EMBEDDED where a vector is needed and none is stored
   */
  hybrid(modelId: ModelId, prompt: string, query: Float32Array | null, options: HybridOptions): Promise<HybridHit[]>
  /** `search_facets`: histograms. A facet without a photo has no values. Rejects with USAGE for an unknown name. */
  facets(modelId: ModelId, options: FacetOptions): Promise<Facet[]>
  /** `search_places`: photos by place. @returns the fullest cells first, and how many photos inside the box have a place */
  places(modelId: ModelId, options: PlaceOptions): Promise<{ cells: PlaceCell[]; placed: number }>
  /** `shared_words`: words that describe the photos better than the collection, the best first. */
  sharedWords(modelId: ModelId, options: SharedWordOptions): Promise<SharedWord[]>
  /** `shared_concepts`: reference texts that the photos show more often than the collection, the best first. */
  sharedConcepts(modelId: ModelId, options: SharedWordOptions): Promise<SharedWord[]>
  /**
   * `near_duplicates`: every pair once, in no order. Runs in steps of one statement each, so that a large collection shows
   * progress, can be stopped between steps, and does not block others who share the session.
   * @param onProgress photos searched so far, of all embedded photos
   */
  duplicatePairs(
    modelId: ModelId,
    options: DuplicateOptions,
    onProgress?: (searched: number, photos: number) => void,
    signal?: AbortSignal,
  ): AsyncIterable<DuplicatePair>
  /**
   * Pairs of near duplicates between some photos, and between them and known ones. Unknown ids are left out.
   * @returns pairs in no order, either photo first
   */
  pairsAmong(
    modelId: ModelId,
    photoIds: readonly string[],
    knownIds: readonly string[],
    threshold: number,
  ): Promise<DuplicatePair[]>
  /** `group_pairs`: the groups that pairs make, the largest first. */
  duplicateGroups(modelId: ModelId, pairs: readonly DuplicatePair[]): Promise<DuplicateGroup[]>
  /** The pages of photos, or where there is none their image URLs, by id. Unknown photos are left out. */
  addresses(photoIds: readonly string[]): Promise<Map<string, string>>
  /** Metadata of a photo and its state for each model. Null: the database has no such photo. */
  photo(photoId: string): Promise<PhotoDetails | null>
}
