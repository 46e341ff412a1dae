import { AppError } from '../domain/errors.js'
import type { LabelSet } from '../domain/labels.js'
import type { DuplicateGroup, DuplicateOptions, DuplicatePair } from '../domain/ports/duplicates.js'
import type { HybridHit, HybridOptions } from '../domain/ports/hybrid.js'
import type { ModelRepository } from '../domain/ports/model-repository.js'
import type { PromptRepository, StoredPrompt } from '../domain/ports/prompts.js'
import type { ReferenceRepository } from '../domain/ports/references/reference-repository.js'
import type {
  IngestRepository,
  LabelCount,
  LabelledPhoto,
  LabelMark,
  LabelMarkRepository,
  LabelRepository,
  LabelReviewSample,
  LabelSample,
} from '../domain/ports/repository.js'
import type { BrowsedPhoto, BrowseOptions, Hit, PhotoDetails, SearchOptions } from '../domain/ports/search.js'
import type { SearchRepository } from '../domain/ports/search-repository.js'
import { requireTextTower } from '../domain/text-tower.js'
import { collapsed, type Duplicate } from './collapsed.js'
import { QueryEmbedder } from './embed-query.js'
import { type LabelPrecision, precisionOf } from './label-precision.js'
import { PhotoCounts } from './photo-counts.js'
import { isSumOfWords, type Query, wordsOf } from './query.js'
import type { ImageLimits, QueryImage } from './query-image.js'
import { withReferences } from './references.js'
import { chooseSearchModel, type ModelCatalog, type SearchModel } from './search-model.js'
import { type Relevance, requireShownWords, shownWords } from './shown-words.js'
import { type AddedPrompt, addPrompts, distinctPrompts, listPrompts } from './stored-prompts.js'

/** Photos that a hybrid search takes from each of its two lists, at least. */
const HYBRID_DEPTH = 200
/** Photos per page while every labelled photo is read. */
const PAGE_SIZE = 1000
const SEARCH_WITHOUT_WORDS =
  'Search with --image FILE|URL or --photo ID, or name a model with a text tower that the photos are ingested with: --model NAME.'
const EMBED_WITHOUT_WORDS = 'Leave the words out, or name a model with a text tower: --model NAME.'

export interface SearchParts {
  repositories: {
    search: SearchRepository
    references: Pick<ReferenceRepository, 'find' | 'define' | 'compare'>
    prompts: PromptRepository
    labels: Pick<LabelRepository, 'labelSets' | 'equalLabels' | 'histogram' | 'sample' | 'labelledPhotos'>
    labelMarks: LabelMarkRepository
    ingest: Pick<IngestRepository, 'findModel' | 'latestModel'>
    models: Pick<ModelRepository, 'answering'>
  }
  models: ModelCatalog
  /** Key of the model that answers when none is named, none was chosen in the database, and it has several. */
  defaultModel: string
  /** Limits and mode of decoding query images. */
  images: ImageLimits
  /** Whether new words of a combination become stored prompts. Default: true. */
  storesWords?: boolean
  /** Called before a search compares the photos of a small collection with reference texts, once, which takes seconds. */
  onLearn?: (photos: number) => void
}

export interface LabelReport {
  set: LabelSet
  /** Labels that the model cannot tell apart; empty: it can. */
  equal: string[]
  /** In the order of the set's labels. */
  counts: LabelCount[]
  sample: LabelSample[]
}

/**
 * The query module. It chooses the model, embeds words and images, combines vectors, searches, counts facets, finds
 * near duplicates, and reads labels and prompts. It prints nothing and keeps no state between calls. The caller opens
 * and closes the parts.
 *
 * Ask `model` once per request and pass the result on: every other method answers for that model. Scores are cosine
 * similarities in [-1, 1]; ties go by photo id. A signal ends the fetching of model files and long work.
 *
 * Errors are AppError: NOT_EMBEDDED, MODEL_UNKNOWN (the model); MODEL_WITHOUT_TEXT (words for an image-only model);
 * INPUT_INVALID (an image); FILTER_INVALID (a condition); USAGE (a number, a prompt, a facet, parts that cancel out);
 * NOT_FOUND.
 */
export class PhotoSearch {
  /** What photos have in common. */
  readonly counts: PhotoCounts

  constructor(private readonly parts: SearchParts) {
    this.counts = new PhotoCounts(parts)
  }

  /**
   * The model that answers: the named one; else the one that was chosen for searches in the database; else the only one that it has; else the default.
   * @param named `name` or `name@precision` @param query what is going to be searched for, which saves asking for its words
   */
  model(named?: string, query?: Query): Promise<SearchModel> {
    return chooseSearchModel(this.parts, named, wordsOf(query))
  }

  /** The photos nearest to a query, without the photos that the query names. */
  async nearest(
    model: SearchModel,
    query: Query,
    { relevant = false, ...options }: SearchOptions & Relevance,
    signal: AbortSignal,
  ): Promise<Hit[]> {
    requireText(query, options)
    const embed = new QueryEmbedder(this.parts, model, signal)
    if (relevant) {
      requireShownWords(query)
      return withReferences(this.parts, model, signal, () => this.#nearest(model, query, true, options, embed))
    }
    return this.#nearest(model, query, false, options, embed)
  }

  async #nearest(
    model: SearchModel,
    query: Query,
    relevant: boolean,
    options: SearchOptions,
    embed: QueryEmbedder,
  ): Promise<Hit[]> {
    const { search } = this.parts.repositories
    if ('photo' in query) return search.similar(model.id, query.photo, options)
    if ('vector' in query) return search.search(model.id, query.vector, options)
    if ('image' in query) return search.search(model.id, await embed.image(query.image), { ...options, kind: 'image' })
    if ('words' in query) {
      requireTextTower(model.spec, 'look for words', SEARCH_WITHOUT_WORDS)
      const vector = await embed.newWords(query.words)
      const where = [...(options.where ?? []), ...(relevant ? [{ shows: vector ?? query.words }] : [])]
      if (vector === null) return search.searchText(model.id, query.words, { ...options, where })
      return search.search(model.id, vector, { ...options, where, kind: 'text' })
    }
    const hasWords = query.parts.some(part => 'words' in part)
    if (hasWords) requireTextTower(model.spec, 'look for words', SEARCH_WITHOUT_WORDS)
    const photos = query.parts.flatMap(part => ('photo' in part ? [part.photo] : []))
    const parts = await embed.parts(query.parts)
    const where = [
      ...(options.where ?? []),
      ...(photos.length > 0 ? [{ not_photos: photos }] : []),
      ...(relevant ? shownWords(query.parts, parts) : []),
    ]
    const kind = isSumOfWords(query.parts) ? 'text' : options.kind
    return search.searchCombined(model.id, parts, { ...options, where, kind })
  }

  /** Embedded photos by their date, for those who look around. */
  browse(model: SearchModel, options: BrowseOptions): Promise<BrowsedPhoto[]> {
    return this.parts.repositories.search.browse(model.id, options)
  }

  /** The embedding of a photo, [dimension]. @throws AppError NOT_FOUND, NOT_EMBEDDED */
  async embedding(model: SearchModel, photoId: string): Promise<Float32Array> {
    const found = (await this.embeddings(model, [photoId])).get(photoId)
    if (found) return found
    await this.photo(photoId)
    throw new AppError('NOT_EMBEDDED', `Photo ${photoId} has no embedding of ${model.key}.`)
  }

  /** The embeddings of photos by id, [dimension] each. Photos without one are left out. */
  embeddings(model: SearchModel, photoIds: readonly string[]): Promise<Map<string, Float32Array>> {
    return this.parts.repositories.search.embeddings(model.id, photoIds)
  }

  /** Embeds texts and images for the model. @returns one embedding per text and image, in their order, [dimension] */
  async embed(
    model: SearchModel,
    { texts, images }: { texts: readonly string[]; images: readonly QueryImage[] },
    signal: AbortSignal,
  ): Promise<{ texts: Float32Array[]; images: Float32Array[] }> {
    if (texts.length > 0) requireTextTower(model.spec, 'embed words', EMBED_WITHOUT_WORDS)
    const embed = new QueryEmbedder(this.parts, model, signal)
    const ofImages: Float32Array[] = []
    for (const image of images) {
      signal.throwIfAborted()
      ofImages.push(await embed.image(image))
    }
    return { texts: texts.length > 0 ? await embed.encodeTexts(texts) : [], images: ofImages }
  }

  /**
   * Searches by meaning and by the words themselves, fused by rank: the score is a sum of weight / (rrfK + rank), not a
   * cosine similarity. Pages go by `offset`. With `vectorWeight` 0 nothing is embedded, so any model will do.
   */
  async hybrid(
    model: SearchModel,
    words: string,
    { relevant = false, ...options }: HybridOptions & Relevance,
    signal: AbortSignal,
  ): Promise<HybridHit[]> {
    const byVector = relevant || options.vectorWeight !== 0
    if (byVector) requireTextTower(model.spec, 'look for words', SEARCH_WITHOUT_WORDS)
    const vector = byVector ? await new QueryEmbedder(this.parts, model, signal).newWords(words) : null
    const depth = Math.max(HYBRID_DEPTH, (options.offset ?? 0) + options.k)
    const where = [...(options.where ?? []), ...(relevant ? [{ shows: vector ?? words }] : [])]
    const found = { ...options, where, depth, kind: 'text' as const }
    return withReferences(this.parts, model, signal, () =>
      this.parts.repositories.search.hybrid(model.id, words, vector, found),
    )
  }

  /**
   * Pairs of photos that look the same to the model, by falling similarity, then by their ids.
   * @param onProgress photos searched so far, of all embedded photos
   */
  async duplicates(
    model: SearchModel,
    options: DuplicateOptions,
    onProgress: (searched: number, photos: number) => void,
    signal: AbortSignal,
  ): Promise<DuplicatePair[]> {
    const pairs: DuplicatePair[] = []
    const found = this.parts.repositories.search.duplicatePairs(model.id, options, onProgress, signal)
    for await (const pair of found) pairs.push(pair)
    return pairs.sort((a, b) => b.score - a.score || byId(a.photoId, b.photoId) || byId(a.otherId, b.otherId))
  }

  /** The groups that pairs connect, the largest first. */
  duplicateGroups(model: SearchModel, pairs: readonly DuplicatePair[]): Promise<DuplicateGroup[]> {
    return this.parts.repositories.search.duplicateGroups(model.id, pairs)
  }

  /**
   * Which photos of a list look the same as an earlier one of it, or as a known one that was shown before.
   * @param threshold least cosine similarity
   */
  async collapse(
    model: SearchModel,
    photoIds: readonly string[],
    knownIds: readonly string[],
    threshold: number,
  ): Promise<Duplicate[]> {
    const pairs = await this.parts.repositories.search.pairsAmong(model.id, photoIds, knownIds, threshold)
    return collapsed(photoIds, knownIds, pairs)
  }

  /** Metadata of a photo and its state for each model. @throws AppError NOT_FOUND */
  async photo(photoId: string): Promise<PhotoDetails> {
    const details = await this.parts.repositories.search.photo(photoId)
    if (details === null) throw new AppError('NOT_FOUND', `The database has no photo ${JSON.stringify(photoId)}.`)
    return details
  }

  /** Several photos with the key of their stored copy for the model, in their order; unknown photos are left out. */
  async photos(
    model: SearchModel,
    photoIds: readonly string[],
  ): Promise<{ photo: PhotoDetails['photo']; storedKey: string | null }[]> {
    const all = await Promise.all(photoIds.map(id => this.parts.repositories.search.photo(id)))
    return all.flatMap(details => {
      if (details === null) return []
      const state = details.states.find(({ modelId }) => modelId === model.id)
      return [{ photo: details.photo, storedKey: state?.storedKey ?? null }]
    })
  }

  /** The pages of photos, or where there is none their image URLs, by id. */
  addresses(photoIds: readonly string[]): Promise<Map<string, string>> {
    return this.parts.repositories.search.addresses(photoIds)
  }

  /** The label sets that were predicted. */
  labelSets(model: SearchModel): Promise<LabelSet[]> {
    return this.parts.repositories.labels.labelSets(model.id)
  }

  /**
   * The labels of one set: photos per label, and random photos of each.
   * @param sample.size photos per label, 0 for none; the same seed gives the same photos
   * @throws AppError MODEL_WITHOUT_TEXT, NOT_FOUND for a set that was not predicted
   */
  async labels(model: SearchModel, setName: string, sample: { size: number; seed: number }): Promise<LabelReport> {
    const { labels } = this.parts.repositories
    const sets = await labels.labelSets(model.id)
    const set = sets.find(({ name }) => name === setName)
    if (!set) {
      requireTextTower(model.spec, `predict ${setName}`, 'Name a model with a text tower: --model NAME.')
      throw new AppError(
        'NOT_FOUND',
        `No photo is labelled with ${JSON.stringify(setName)} for ${model.key}; known: ${sets.map(({ name }) => name).join(', ') || 'none'}. Predict it first: unsplash-clip labels predict ${setName}`,
      )
    }
    return {
      set,
      equal: await labels.equalLabels(model.id, setName),
      counts: await labels.histogram(model.id, setName),
      sample: sample.size > 0 ? await labels.sample(model.id, setName, sample.size, sample.seed) : [],
    }
  }

  /** Every photo with a label of the set, in the order of their ids, as a stream of pages. */
  labelledPhotos(model: SearchModel, setName: string): AsyncIterable<LabelledPhoto[]> {
    return this.parts.repositories.labels.labelledPhotos(model.id, setName, PAGE_SIZE)
  }

  /**
   * Photos of each label to be looked at, with their marks.
   * @param drawn.size photos per label @param drawn.order `doubtful`: those that nobody has marked, the smallest margin first;
   * `typical`: the highest scores first; a number: the seed of random ones
   */
  async labelReview(
    model: SearchModel,
    setName: string,
    { size, order }: { size: number; order: number | 'doubtful' | 'typical' },
  ): Promise<LabelReviewSample[]> {
    const { labelMarks } = this.parts.repositories
    if (size === 0) return []
    if (typeof order === 'number') return labelMarks.drawn(model.id, setName, size, order)
    return labelMarks[order](model.id, setName, size)
  }

  /** Of the labels of which people have checked photos. */
  async labelPrecisions(model: SearchModel, setName: string): Promise<Map<string, LabelPrecision>> {
    const counts = await this.parts.repositories.labelMarks.counts(model.id, setName)
    return new Map(counts.map(({ label, checked, correct }) => [label, precisionOf(correct, checked)]))
  }

  /** Stores what people say about labels. @returns the marks of photos that do not have the label: they are left out */
  markLabels(model: SearchModel, setName: string, marks: readonly LabelMark[]): Promise<LabelMark[]> {
    return this.parts.repositories.labelMarks.mark(model.id, setName, marks)
  }

  /** Embeds prompts and stores them for searches in SQL, in groups. @throws AppError MODEL_WITHOUT_TEXT, USAGE */
  addPrompts(model: SearchModel, prompts: readonly string[], signal: AbortSignal): AsyncIterable<AddedPrompt[]> {
    requireTextTower(
      model.spec,
      'embed words',
      'Name a model with a text tower that the photos are ingested with: --model NAME.',
    )
    return addPrompts(this.parts, model, prompts, signal)
  }

  /** The prompts that are stored for a model, in their order. */
  prompts(model: SearchModel): AsyncIterable<StoredPrompt> {
    return listPrompts(this.parts, model)
  }

  /** @returns the prompts that were stored */
  removePrompts(model: SearchModel, prompts: readonly string[]): Promise<string[]> {
    return this.parts.repositories.prompts.remove(model.id, distinctPrompts(prompts))
  }
}

/** @throws AppError USAGE for a correction of what is no text */
function requireText(query: Query, { correctionWeight = 0, kind }: SearchOptions): void {
  const isText = 'words' in query || ('parts' in query && isSumOfWords(query.parts)) || kind === 'text'
  if (correctionWeight > 0 && !isText)
    throw new AppError(
      'USAGE',
      'A correction weight needs words to search for, found another query. Searches by photos, pictures and vectors, and combinations with them or with unlike words, are not corrected.',
    )
}

const byId = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
