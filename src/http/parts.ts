import type { Logger } from 'pino'
import type { Scope } from '../domain/api-key.js'
import type { ProjectionRepository } from '../domain/ports/analysis/projections.js'
import type { ModelRepository } from '../domain/ports/model-repository.js'
import type { ObjectStore } from '../domain/ports/object-store.js'
import type { Queue } from '../domain/ports/queue.js'
import type { IngestRepository } from '../domain/ports/repository.js'
import type { RunRepository } from '../domain/ports/run-repository.js'
import type { Health } from '../metrics/health.js'
import type { RemovalDeps } from '../producers/removal/remove-photos.js'
import type { SubmissionPlan, Submissions } from '../producers/submission/submissions.js'
import type { PhotoSearch } from '../search/photo-search.js'
import type { ImageLimits, QueryImage } from '../search/query-image.js'
import type { MetricSnapshot } from '../workers/supervisor/metric-snapshot.js'
import type { KeyStore } from './access/key-ring.js'

/** Adds photos. */
export interface Ingestion {
  submissions: Submissions
  /** @param model default: that of the settings. @throws AppError MODEL_UNKNOWN */
  plan(model?: string): Promise<SubmissionPlan>
}

/** The jobs of BullMQ, for a dashboard. */
export interface BoardQueue {
  name: string
  /** A job of BullMQ. */
  job(id: string): Promise<unknown>
  jobs(statuses: readonly string[], start?: number, end?: number): Promise<unknown[]>
  counts(): Promise<Record<string, number>>
  isPaused(): Promise<boolean>
  /** What the command INFO of Redis answers. */
  info(): Promise<string>
}

/** What the API answers from. The caller opens and closes all of it. */
export interface HttpParts {
  keys: KeyStore
  search: PhotoSearch
  models: Pick<ModelRepository, 'models'>
  projections: Pick<ProjectionRepository, 'list' | 'points' | 'colors'>
  ingest: Pick<IngestRepository, 'run' | 'runs'>
  runs: Pick<
    RunRepository,
    | 'workers'
    | 'failuresOfRun'
    | 'failedPhotosOfRun'
    | 'givenUpOfRun'
    | 'labelSets'
    | 'controlOfRun'
    | 'setControl'
    | 'parked'
    | 'unpark'
    | 'openBatches'
  >
  removal: RemovalDeps
  /** Opened with the first request that adds photos. @throws AppError QUEUE_UNREACHABLE */
  ingestion: () => Promise<Ingestion>
  /** Opened with the first request for it. */
  queue: () => Promise<Pick<Queue, 'counts' | 'states' | 'remove' | 'add'>>
  /** The jobs of a queue on Redis; null: the queue is in Postgres. */
  board: (() => Promise<BoardQueue>) | null
  /** Opened with the first request for a copy. */
  store: () => Promise<ObjectStore>
  /** Signs addresses at which clients read whole copies by themselves; null: this server sends them. */
  signedCopies: { origin: string; sign(key: string, seconds: number): Promise<string> } | null
  /** Fetches a picture as workers do: private addresses are refused. @throws AppError INPUT_INVALID */
  fetchPicture: (url: string, signal: AbortSignal) => Promise<QueryImage>
  images: ImageLimits
  /** Metrics of this process, beside those of the requests. */
  snapshots: () => Promise<MetricSnapshot[]>
  live: () => Promise<Health>
  ready: () => Promise<Health>
  logger: Logger
}

export interface HttpLimits {
  /** Largest body, in bytes. */
  maxBodyBytes: number
  /** Received bodies of the requests in work, in bytes. */
  maxBodiesBytes: number
  /** Requests in work at the same time; as many connections of the database. */
  concurrency: number
  /** Requests that wait for their turn. */
  waiting: number
  /** Longest time of a request. */
  timeoutMs: number
  /** Longest time for a picture that a request names by its address. */
  pictureTimeoutMs: number
  /** Requests per minute of one key, or of one address without a key; 0: no limit. */
  requestsPerMinute: number
  /** Wrong keys of one address per minute. */
  wrongKeysPerMinute: number
}

export interface HttpOptions {
  host: string
  /** 0: any free port. */
  port: number
  /** Names of this server beside localhost, addresses and the machine's own name. */
  names: readonly string[]
  /**
   * What requests without a key may do; null: nothing. From `ingest` on they also see this machine: paths of files, runs,
   * workers.
   */
  anonymous: Scope | null
  limits: HttpLimits
  /** Whether to serve the web page, whose files are read and compressed at the start. Default: yes. */
  withPage?: boolean
}
