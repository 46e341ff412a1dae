import type { Hit, SearchOptions } from './search.js'

export interface HybridOptions extends Omit<SearchOptions, 'after'> {
  /** Weight of the list by vector. Default: 1. A list of weight 0 is not made: words alone need no vector. */
  vectorWeight?: number
  /** Weight of the list by words. Default: 1. */
  textWeight?: number
  /** The k of reciprocal rank fusion: larger values flatten the first ranks. Default: 60. */
  rrfK?: number
  /** Photos taken from each list, the same for every page. Default: 200. */
  depth?: number
}

/** `score`: the sum over both lists of weight / (rrfK + rank). Null: the photo is not in that list. */
export interface HybridHit extends Hit {
  vectorRank: number | null
  /** Cosine similarity to the query, in [-1, 1]. */
  vectorScore: number | null
  /** Photos whose words fit equally well share a rank. */
  textRank: number | null
  /** Postgres' `ts_rank`. */
  textScore: number | null
}
