import type { QueryPart } from './prompts.js'
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
  'folder',
  'keyword',
  'color',
  'collection',
] as const

/** The photos that are counted: the nearest to a query, or all embedded photos that fulfil labels and conditions. */
export interface CountedPhotos extends Pick<SearchOptions, 'labels' | 'where' | 'minScore' | 'kind'> {
  /** [dimension]: counts the photos nearest to it. */
  query?: Float32Array
  /** In place of `query`: words whose embedding is stored. */
  prompt?: string
  /** In place of `query`: parts that are combined. */
  parts?: readonly QueryPart[]
  /** Number of nearest photos. Default: 1000; for shared words 200, of all photos too. */
  n?: number
}

export interface FacetOptions extends CountedPhotos {
  /** Label sets and metadata facets, in order. Default: all label sets and the usual metadata. */
  names?: readonly string[]
  /** Values shown per metadata facet. Default: 10. All labels of a set are shown. */
  top?: number
}

/**
 * `values`, `other` and `unknown` add up to the photos of the result; keywords, colours and collections do not, since a
 * photo has many.
 */
export interface Facet {
  name: string
  /** Labels in the order of their set; else the most frequent, years, months and ISO in their own order. */
  values: { value: string; photos: number }[]
  /** Photos with a value that is not among those shown. */
  other: number
  /** Photos without a known value. */
  unknown: number
}

export interface PlaceOptions extends CountedPhotos {
  /** Height and width of a cell, in degrees. */
  cell: number
  /** Only photos inside, in degrees. Default: the whole Earth. */
  box?: Box
  /** Most cells. Default: 500. */
  top?: number
}

/** From south to north and from west to east, in degrees. */
export interface Box {
  south: number
  west: number
  north: number
  east: number
}

/** The photos of a cell. The box is theirs, not that of the cell. */
export interface PlaceCell extends Box {
  /** Mean place of its photos, in degrees. */
  latitude: number
  longitude: number
  photos: number
}

export interface SharedWordOptions extends CountedPhotos {
  /** Most words. Default: 12. */
  top?: number
  /** Words that are left out, such as those of the search. */
  omitted?: string
}

/** A word that describes hits better than the collection, or a concept that they show more often. */
export interface SharedWord {
  word: string
  /** Where it was found: in texts of the photos, or in what the model sees in them. */
  source: 'texts' | 'pictures'
  /** Hits with the word, of `hits` hits. */
  photos: number
  hits: number
  /** Share of the photos of the collection with the word, estimated from a sample. */
  shareOfAll: number
}
