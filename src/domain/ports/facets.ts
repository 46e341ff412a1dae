import type { ModelId } from './repository.js'
import type { SearchOptions } from './search.js'

/** Facets of the metadata; label sets are facets under their own names. */
export const METADATA_FACETS = [
  'country',
  'city',
  'camera_make',
  'camera_model',
  'photographer',
  'featured',
  'orientation',
  'year',
  'month',
  'iso',
  'keyword',
] as const

export interface FacetOptions extends Pick<SearchOptions, 'labels' | 'where' | 'minScore' | 'kind'> {
  /** Label sets and metadata facets, in the order wanted; all label sets and the usual others unless told. */
  names?: readonly string[]
  /** [dimension]: over the photos nearest to it. Without it: over all embedded photos that fulfil labels and conditions. */
  query?: Float32Array
  /** How many of the nearest; 1000 unless told. */
  n?: number
  /** Values shown of a metadata facet; 10 unless told. The labels of a set are shown all. */
  top?: number
}

/** `values`, `other` and `unknown` add up to the photos of the result; keywords do not, since a photo has many. */
export interface Facet {
  name: string
  /** Labels in the order of their set; else the most frequent, years, months and ISO in their own order. */
  values: { value: string; photos: number }[]
  /** Photos with a value that is not among those shown. */
  other: number
  /** Photos of which the value is not known. */
  unknown: number
}

/** Histograms of a result set, all in one statement. */
export interface FacetRepository {
  /** Rejects with AppError USAGE (a name that is none), FILTER_INVALID. A facet without a photo has no values. */
  facets(modelId: ModelId, options: FacetOptions): Promise<Facet[]>
}
