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
import type { SearchModel } from './search-model.js'

const COUNT_WITHOUT_WORDS = 'Leave the words out, or name a model with a text tower: --model NAME.'

/** Counts the photos nearest to a query; without one, all embedded photos that fulfil labels and conditions. */
type Request<T extends CountedPhotos> = Omit<T, 'query' | 'prompt' | 'parts' | 'kind'> & { nearest?: Query }

export type FacetRequest = Request<FacetOptions>
export type PlaceRequest = Request<PlaceOptions>
export type SharedWordRequest = Request<Omit<SharedWordOptions, 'omitted'>>

export interface CountSources extends EmbeddingSources {
  repositories: EmbeddingSources['repositories'] & {
    search: Pick<SearchRepository, 'facets' | 'places' | 'sharedWords'>
  }
}

/**
 * What photos have in common: histograms, places, words. The errors are those of a search; see PhotoSearch.
 */
export class PhotoCounts {
  constructor(private readonly sources: CountSources) {}

  /** Histograms of labels and metadata. */
  async facets(model: SearchModel, request: FacetRequest, signal: AbortSignal): Promise<Facet[]> {
    return this.sources.repositories.search.facets(model.id, await this.#counted(model, request, signal))
  }

  /** Photos by place, and how many of them have one. */
  async places(
    model: SearchModel,
    request: PlaceRequest,
    signal: AbortSignal,
  ): Promise<{ cells: PlaceCell[]; placed: number }> {
    return this.sources.repositories.search.places(model.id, await this.#counted(model, request, signal))
  }

  /** Words that describe the photos better than the collection, without those of the query. */
  async sharedWords(model: SearchModel, request: SharedWordRequest, signal: AbortSignal): Promise<SharedWord[]> {
    const omitted = wordsOf(request.nearest).join(' ')
    const options = { ...(await this.#counted(model, request, signal)), omitted }
    return this.sources.repositories.search.sharedWords(model.id, options)
  }

  async #counted<T extends { nearest?: Query; where?: CountedPhotos['where'] }>(
    model: SearchModel,
    { nearest, ...options }: T,
    signal: AbortSignal,
  ): Promise<Omit<T, 'nearest'> & CountedPhotos> {
    if (nearest === undefined) return options
    if (wordsOf(nearest).length > 0) requireTextTower(model.spec, 'look for words', COUNT_WITHOUT_WORDS)
    const embed = new QueryEmbedder(this.sources, model, signal)
    if ('vector' in nearest) return { ...options, query: nearest.vector }
    if ('image' in nearest) return { ...options, query: await embed.image(nearest.image), kind: 'image' }
    if ('words' in nearest) {
      const vector = await embed.newWords(nearest.words)
      return { ...options, ...(vector === null ? { prompt: nearest.words } : { query: vector }), kind: 'text' }
    }
    const parts = 'photo' in nearest ? [{ photo: nearest.photo, weight: 1 }] : nearest.parts
    const photos = parts.flatMap(part => ('photo' in part ? [part.photo] : []))
    // As in a search, without the photos that the query names.
    const where = [...(options.where ?? []), ...(photos.length > 0 ? [{ not_photos: photos }] : [])]
    const kind = isSumOfWords(parts) ? 'text' : undefined
    return { ...options, where, parts: await embed.parts(parts), kind }
  }
}
