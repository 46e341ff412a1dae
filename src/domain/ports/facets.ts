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
  /** Label sets and metadata facets, in order. Default: all label sets and the usual metadata. */
  names?: readonly string[]
  /**
   * [dimension]: counts the photos nearest to it. Without `query` and `prompt`, all embedded photos that fulfil labels
   * and conditions.
   */
  query?: Float32Array
  /** In place of `query`: words whose embedding is stored. */
  prompt?: string
  /** Number of nearest photos. Default: 1000. */
  n?: number
  /** Values shown per metadata facet. Default: 10. All labels of a set are shown. */
  top?: number
}

/** `values`, `other` and `unknown` add up to the photos of the result; keywords do not, since a photo has many. */
export interface Facet {
  name: string
  /** Labels in the order of their set; else the most frequent, years, months and ISO in their own order. */
  values: { value: string; photos: number }[]
  /** Photos with a value that is not among those shown. */
  other: number
  /** Photos without a known value. */
  unknown: number
}
