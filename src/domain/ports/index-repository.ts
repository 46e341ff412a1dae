import type { IndexKind, IndexMethod, IndexShape } from '../index-plan.js'
import type { ModelId } from './repository.js'

/** Which cone a query vector lies in: it was made of words, or of an image. */
export type QueryKind = 'text' | 'image'

/** What a plan is made from. */
export interface IndexFacts {
  photos: number
  dimension: number
  /** Milliseconds that one exact search takes here now, at best; null without photos. */
  exactMs: number | null
  /** Settings of the server, in bytes and processes. */
  maintenanceWorkMem: number
  sharedBuffers: number
  maxParallelWorkers: number
}

export interface IndexState {
  modelKey: string
  name: string
  kind: IndexKind
  method: IndexMethod
  state: 'ready' | 'building' | 'invalid'
  /** As it was made: `lists=400`. */
  options: string[]
  bytes: number
  /** Of a build: the server's process, what it does, and how far it is with that. */
  pid: number | null
  phase: string | null
  percent: number | null
  /** Null for an index that was not built by `build`. */
  photosAtBuild: number | null
  photos: number
}

export interface Tuning {
  modelKey: string
  kind: QueryKind
  /** How queries are answered now. */
  answeredBy: 'exact' | IndexMethod
  effort: number | null
  indexName: string | null
  wantedRecall: number | null
  measuredRecall: number | null
  sampledQueries: number | null
  tunedAt: Date | null
  photosAtTuning: number | null
  photos: number
  /** `stale`: the photos have doubled since. */
  state: 'tuned' | 'not tuned' | 'index missing' | 'stale'
}

/** Memory in bytes; workers beside the process that leads them. */
export interface BuildResources {
  memory: number
  workers: number
}

export type BuildEvent =
  | { kind: 'removed'; index: string }
  | { kind: 'adopted'; index: string }
  | { kind: 'progress'; phase: string; percent: number | null; waitsFor: number | null }

export interface BuildOptions {
  /** Embeddings of texts, [n][dimension], for an index of kind `text`: the directions in which they differ shape it. */
  texts?: readonly Float32Array[]
  /** Builds anew also where a ready index of this shape is. */
  rebuild: boolean
  onEvent(event: BuildEvent): void
  signal: AbortSignal
}

/** One query of a sample: a photo, left out of its own answer, or the embedding of a text, [dimension]. */
export type SampleQuery = { photoId: string } | { vector: Float32Array }

/** How queries are answered while they are measured. */
export type SearchSetting = { method: 'exact' } | { method: IndexMethod; indexName: string; effort: number }

export interface MeasuredAnswer {
  /** By falling score. */
  hits: { photoId: string; score: number }[]
  ms: number
}

export interface MeasuredSetting {
  wantedRecall: number
  measuredRecall: number
  sampledQueries: number
}

/**
 * Vector indexes of the models, and what is known of how well they find. Promises: a ready index stays in use until another
 * one takes its place, and a build that is interrupted leaves nothing that a later one trips over.
 */
export interface IndexRepository {
  facts(modelId: ModelId): Promise<IndexFacts>
  /** Of one model, or of all. */
  indexes(modelId: ModelId | null): Promise<IndexState[]>
  tunings(modelId: ModelId | null): Promise<Tuning[]>
  /**
   * Builds an index beside the ready one, if there is one, and then puts it in its place. Settings tuned for another shape
   * are dropped with the old one.
   * @returns false when a ready index of this shape was there already
   * @throws AppError DATABASE_BUSY (somebody else builds, or statements that do not end), DATABASE_MEMORY; the signal's reason
   */
  build(modelId: ModelId, shape: IndexShape, resources: BuildResources, options: BuildOptions): Promise<boolean>
  /** With what a build left, and the settings that name it. @returns names of what was dropped */
  drop(modelId: ModelId, kind: IndexKind): Promise<string[]>
  /** Photos by lot, the same for the same seed and photos. */
  samplePhotos(modelId: ModelId, count: number, seed: number): Promise<SampleQuery[]>
  /**
   * Embeddings of prompts that were embedded before, of searches and of label sets, by lot.
   * @param half those that shape an index for texts, or the others, which can tell how good it is
   */
  samplePrompts(modelId: ModelId, half: 'shaping' | 'judging', count: number, seed: number): Promise<Float32Array[]>
  /**
   * What search answers under a setting that nobody else sees: `k` hits and how long each took. One transaction: on the
   * embedded server nobody else gets a turn before its end.
   */
  measure(
    modelId: ModelId,
    kind: QueryKind,
    setting: SearchSetting,
    queries: readonly SampleQuery[],
    k: number,
  ): Promise<MeasuredAnswer[]>
  saveSetting(modelId: ModelId, kind: QueryKind, setting: SearchSetting, measured: MeasuredSetting): Promise<void>
}
