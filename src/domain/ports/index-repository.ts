import type { IndexMethod, IndexShape } from '../indexes/index-plan.js'
import type { ModelId } from './repository.js'

/** The source of a query vector: words or an image. The two lie in different cones. */
export type QueryKind = 'text' | 'image'

/** Input of an index plan. */
export interface IndexFacts {
  photos: number
  dimension: number
  /** Settings of the server, in bytes and processes. */
  maintenanceWorkMem: number
  sharedBuffers: number
  maxParallelWorkers: number
}

export interface IndexState {
  modelKey: string
  name: string
  method: IndexMethod
  state: 'ready' | 'building' | 'invalid'
  /** As in `create index`: `lists=400`. */
  options: string[]
  bytes: number
  /** Of a build: the server's process, its phase and its progress. */
  pid: number | null
  phase: string | null
  percent: number | null
  /** Null for an index that `build` did not create. */
  photosAtBuild: number | null
  photos: number
}

export interface Tuning {
  modelKey: string
  kind: QueryKind
  /** How search answers queries now. */
  answeredBy: 'exact' | IndexMethod
  searchEffort: number | null
  indexName: string | null
  wantedRecall: number | null
  measuredRecall: number | null
  sampledQueries: number | null
  tunedAt: Date | null
  photosAtTuning: number | null
  photos: number
  /** `stale`: the number of photos has doubled since tuning. */
  state: 'tuned' | 'not tuned' | 'index missing' | 'stale'
}

/** Memory in bytes; workers without the leader. */
export interface BuildResources {
  memory: number
  workers: number
}

export type BuildEvent =
  | { kind: 'removed'; index: string }
  | { kind: 'adopted'; index: string }
  | { kind: 'progress'; phase: string; percent: number | null; waitsFor: number | null }

export interface BuildOptions {
  /** Builds even if a ready index of this shape exists. */
  rebuild: boolean
  onEvent(event: BuildEvent): void
  signal: AbortSignal
}

/** One query of a sample. */
export interface SampleQuery {
  /** [dimension] */
  vector: Float32Array
  /** A photo to exclude from the results. */
  exceptPhoto?: string
}

export interface SampledPhoto {
  photoId: string
  /** Its embedding, [dimension], unit length. */
  vector: Float32Array
}

/** How search answers queries during a measurement. */
export type SearchSetting = { method: 'exact' } | { method: IndexMethod; indexName: string; searchEffort: number }

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
 * Vector indexes of the models, with their measured recall. Promises: a ready index stays in use until another one
 * replaces it; an interrupted build does not disturb later builds.
 */
export interface IndexRepository {
  facts(modelId: ModelId): Promise<IndexFacts>
  /** Indexes of one model, or of all. */
  indexes(modelId: ModelId | null): Promise<IndexState[]>
  tunings(modelId: ModelId | null): Promise<Tuning[]>
  /**
   * Builds an index next to the existing one, then replaces it. Settings tuned for another shape are dropped with the
   * old index.
   * @returns false when a ready index of this shape exists
   * @throws AppError DATABASE_BUSY (another build, or statements that do not end), DATABASE_MEMORY; the signal's reason
   */
  build(modelId: ModelId, shape: IndexShape, resources: BuildResources, options: BuildOptions): Promise<boolean>
  /** Drops the index, leftovers of builds, and the settings that name it. @returns names of the dropped objects */
  drop(modelId: ModelId, method: IndexMethod): Promise<string[]>
  /** Returns randomly sampled photos, the same for the same seed and photos. */
  samplePhotos(modelId: ModelId, count: number, seed: number): Promise<SampledPhoto[]>
  /** Returns randomly sampled embeddings of stored prompts, of searches and label sets. */
  samplePrompts(modelId: ModelId, count: number, seed: number): Promise<Float32Array[]>
  /**
   * Measures search under a setting that only this call sees: `k` hits and the time per query. Runs in one transaction,
   * so on the embedded server all other clients wait for its end.
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
