import type {
  CountedPhotos,
  Facet,
  FacetOptions,
  PlaceCell,
  PlaceOptions,
  SharedWord,
  SharedWordOptions,
} from '../domain/ports/facets.js'
import type { SearchRepository } from '../domain/ports/search-repository.js'
import { requireTextTower } from '../domain/text-tower.js'
import { type EmbeddingSources, QueryEmbedder } from './embed-query.js'
import { isSumOfWords, type Query, wordsOf } from './query.js'
import { type ReferenceSources, withReferences } from './references.js'
import type { SearchModel } from './search-model.js'
import { type Relevance, requireShownWords, shownWords } from './shown-words.js'

const DEFAULT_WORDS = 12
const COUNT_WITHOUT_WORDS = 'Leave the words out, or name a model with a text tower: --model NAME.'

/** Counts the photos nearest to a query; without one, all embedded photos that fulfil labels and conditions. */
type Request<T extends CountedPhotos> = Omit<T, 'query' | 'prompt' | 'parts' | 'kind'> & Relevance & { nearest?: Query }

export type FacetRequest = Request<FacetOptions>
export type PlaceRequest = Request<PlaceOptions>
export type SharedWordRequest = Request<SharedWordOptions>

export interface CountSources extends EmbeddingSources, Pick<ReferenceSources, 'onLearn'> {
  repositories: EmbeddingSources['repositories'] & {
    references: ReferenceSources['repositories']['references']
    search: Pick<SearchRepository, 'countPhotos' | 'facets' | 'places' | 'sharedConcepts' | 'sharedWords'>
  }
}

/**
 * What photos have in common: histograms, places, words. The errors are those of a search; see PhotoSearch.
 */
export class PhotoCounts {
  constructor(private readonly sources: CountSources) {}

  /** Histograms of labels and metadata. */
  async facets(model: SearchModel, request: FacetRequest, signal: AbortSignal): Promise<Facet[]> {
    const { search } = this.sources.repositories
    const counted = await this.#counted(model, request, signal)
    return withReferences(this.sources, model, signal, () => search.facets(model.id, counted))
  }

  /** Photos by place, and how many of them have one. */
  async places(
    model: SearchModel,
    request: PlaceRequest,
    signal: AbortSignal,
  ): Promise<{ cells: PlaceCell[]; placed: number }> {
    const { search } = this.sources.repositories
    const counted = await this.#counted(model, request, signal)
    return withReferences(this.sources, model, signal, () => search.places(model.id, counted))
  }

  /**
   * Words that describe the photos better than the collection, without those of the query and those to be omitted. Where their
   * texts give fewer than wanted, what the model sees in the pictures follows.
   */
  async sharedWords(model: SearchModel, request: SharedWordRequest, signal: AbortSignal): Promise<SharedWord[]> {
    const omitted = [...wordsOf(request.nearest), request.omitted ?? ''].join(' ')
    const { top = DEFAULT_WORDS } = request
    const options = { ...(await this.#counted(model, request, signal)), top, omitted }
    const { search } = this.sources.repositories
    const words = await withReferences(this.sources, model, signal, () => search.sharedWords(model.id, options))
    if (words.length === top) return words
    const known = [omitted, ...words.map(({ word }) => word)].join(' ')
    return [
      ...words,
      ...(await search.sharedConcepts(model.id, { ...options, top: top - words.length, omitted: known })),
    ]
  }

  async #counted<T extends Relevance & { nearest?: Query; where?: CountedPhotos['where'] }>(
    model: SearchModel,
    { nearest, relevant = false, ...options }: T,
    signal: AbortSignal,
  ): Promise<Omit<T, 'nearest' | 'relevant'> & CountedPhotos> {
    if (relevant) requireShownWords(nearest)
    if (nearest === undefined) return options
    if (wordsOf(nearest).length > 0) requireTextTower(model.spec, 'look for words', COUNT_WITHOUT_WORDS)
    const embed = new QueryEmbedder(this.sources, model, signal)
    if ('vector' in nearest) return { ...options, query: nearest.vector }
    if ('image' in nearest) return { ...options, query: await embed.image(nearest.image), kind: 'image' }
    if ('words' in nearest) {
      const vector = await embed.newWords(nearest.words)
      const where = [...(options.where ?? []), ...(relevant ? [{ shows: vector ?? nearest.words }] : [])]
      return { ...options, where, ...(vector === null ? { prompt: nearest.words } : { query: vector }), kind: 'text' }
    }
    const subjects = 'photo' in nearest ? [{ photo: nearest.photo, weight: 1 }] : nearest.parts
    const photos = subjects.flatMap(part => ('photo' in part ? [part.photo] : []))
    const parts = await embed.parts(subjects)
    // As in a search, without the photos that the query names.
    const where = [
      ...(options.where ?? []),
      ...(photos.length > 0 ? [{ not_photos: photos }] : []),
      ...(relevant ? shownWords(subjects, parts) : []),
    ]
    const kind = isSumOfWords(subjects) ? 'text' : undefined
    return { ...options, where, parts, kind }
  }
}
