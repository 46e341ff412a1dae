import type { ModelId } from './repository.js'
import type { Hit, SearchOptions } from './search.js'

export interface HybridOptions extends Omit<SearchOptions, 'after'> {
  /** Of the list by vector; 1 unless told. A list of weight 0 is not made: words alone need no vector. */
  vectorWeight?: number
  /** Of the list by words; 1 unless told. */
  textWeight?: number
  /** The k of reciprocal rank fusion: how little the first ranks stand out. 60 unless told. */
  rrfK?: number
  /** Photos taken from each list, the same for every page; 200 unless told. */
  depth?: number
}

/** `score`: the sum over both lists of weight / (rrfK + rank). Null: the photo is not in that list. */
export interface HybridHit extends Hit {
  vectorRank: number | null
  /** Cosine similarity to the query, in [-1, 1]. */
  vectorScore: number | null
  /** Photos whose words fit equally well share a rank. */
  textRank: number | null
  /** As Postgres' `ts_rank` has it. */
  textScore: number | null
}

/**
 * Search by meaning and by words at once. Hits come by falling score, then by id. Words are found in descriptions, names of
 * places and landmarks, and keywords, all of them unless `or` stands between; `"a phrase"`, `-without`.
 */
export interface HybridRepository {
  /**
   * @param query [dimension], of the prompt or of anything else; null: what is stored for the prompt. Rejects with AppError
   * USAGE, FILTER_INVALID, and PROMPT_NOT_EMBEDDED where a vector is needed and none is stored
   */
  search(modelId: ModelId, prompt: string, query: Float32Array | null, options: HybridOptions): Promise<HybridHit[]>
  /** The text search configuration by which words are stored and looked for: `english` unless changed. */
  language(): Promise<string>
  /** Stores all words anew in another one, such as `simple`. @returns of how many photos they changed */
  useLanguage(language: string): Promise<number>
}
