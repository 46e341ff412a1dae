import type { Filter, LabelFilter } from './search.js'

export interface DuplicateOptions {
  /** Minimum cosine similarity of a pair, in [0, 1]. */
  threshold: number
  labels?: readonly LabelFilter[]
  /** Both photos of a pair match these. */
  where?: readonly Filter[]
  /**
   * `exact` compares all with all; `index` asks the index for image queries for the neighbours of each photo, and may
   * miss a pair. Default: exact up to 10,000 photos and where there is no such index.
   */
  method?: 'exact' | 'index'
  /** Maximum pairs per photo, with an index. Default: 20. */
  neighbours?: number
  /** More pairs are an error, USAGE: they would fill the memory. Default: no limit. */
  maxPairs?: number
}

export interface DuplicatePair {
  /** Sorts before `otherId`, by bytes. */
  photoId: string
  otherId: string
  /** Cosine similarity of their embeddings. */
  score: number
}

/** Photos that pairs connect. */
export interface DuplicateGroup {
  /** The first of `members`: the photo with the most pixels, or the one submitted first among equals. */
  representativeId: string
  /** By falling similarity to the representative. */
  members: { photoId: string; score: number }[]
}
