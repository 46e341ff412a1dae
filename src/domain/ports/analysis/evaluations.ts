import type { PhotoColumn } from '../../photo.js'
import type { SearchSetting } from '../index-repository.js'
import type { ModelId } from '../repository.js'

/** Which queries are drawn. Photos count only if every model has embedded them. */
export interface DrawOptions {
  modelIds: readonly ModelId[]
  /** Relevant photos that a query needs. */
  leastRelevant: number
  /** Most queries; more are drawn at random. */
  most: number
  seed: number
}

/** Queries in random order, the same for the same seed and data. */
export interface DrawnQueries {
  queries: string[]
  /** Distinct queries of the source. */
  total: number
  /** Queries with fewer relevant photos than wanted. */
  tooFewRelevant: number
  /** Queries that no search takes: blank, or of more than 2000 bytes. */
  unusable: number
}

export interface WordOptions extends DrawOptions {
  /** Text columns; their texts are read as one. */
  columns: readonly PhotoColumn[]
  /** Words of more than this share of the photos with a text are left out: they say little. In (0, 1]. */
  mostShare: number
}

/** How one variant answers. */
export interface RankingOptions {
  k: number
  /** Undefined: as searches are tuned. */
  setting?: SearchSetting
  /** Fuses with the words themselves. */
  hybrid?: { vectorWeight: number; textWeight: number; depth: number }
  /** Weight of the stored correction, in [0, 2]; undefined: that of the model. */
  correctionWeight?: number
}

export interface AskedQuery {
  text: string
  /** [dimension] */
  vector: Float32Array
}

export interface RankedAnswer {
  /** In the order of the search. */
  photoIds: string[]
  ms: number
}

/**
 * What an evaluation of searches reads. It writes nothing: every method works for a role that may only read, and in a
 * database that takes no writes.
 */
export interface EvaluationRepository {
  /** Searches of the table `photo_conversions`; relevant is what was downloaded then. Runs in one statement, without time limit. */
  drawConversions(options: DrawOptions): Promise<DrawnQueries>
  /** Photos that were downloaded after a search. */
  convertedPhotos(modelIds: readonly ModelId[], query: string): Promise<string[]>
  /** Words of text columns, as the text search configuration takes them apart; each stands for all of its forms. */
  drawWords(options: WordOptions): Promise<DrawnQueries>
  /** Photos whose columns match the words, as hybrid search matches words. */
  photosWithWords(modelIds: readonly ModelId[], columns: readonly PhotoColumn[], query: string): Promise<string[]>
  /** Those of the photos that every model has embedded. */
  embeddedAmong(modelIds: readonly ModelId[], photoIds: readonly string[]): Promise<string[]>
  /** Embedded photos of each model, and those that all of them have. */
  countEmbedded(modelIds: readonly ModelId[]): Promise<{ each: number[]; all: number }>
  /** Stored embeddings of texts, as prompts or as those of labels; null: not stored. [n] */
  storedVectors(modelId: ModelId, texts: readonly string[]): Promise<(Float32Array | null)[]>
  /** Answers queries by the functions of searches, in one transaction that may only read. */
  rank(modelId: ModelId, queries: readonly AskedQuery[], options: RankingOptions): Promise<RankedAnswer[]>
}
