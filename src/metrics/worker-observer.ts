import type { FileRewrites } from '../domain/rewrite.js'
import { isSupervised, tellSupervisor } from '../workers/supervisor/messages.js'
import type { MetricSnapshot } from '../workers/supervisor/metric-snapshot.js'
import type { RunningWorker, WorkerDeps } from '../workers/worker.js'
import type { Activity } from './health.js'
import type { MetricsServer } from './server.js'
import type { WorkerMetrics } from './worker-metrics.js'

const REPORT_MS = 1000

/** Starts a server of metrics and health; null where none is wanted. */
export type ServeMetrics = (options: {
  snapshots: () => Promise<MetricSnapshot[]>
  activity: () => Activity
}) => Promise<MetricsServer | null>

/** Publishes the state of a worker process: on its own port or, under a supervisor, in reports to it. */
export class WorkerObserver {
  #worker: RunningWorker | undefined
  #timer: NodeJS.Timeout | undefined
  #server: MetricsServer | null = null

  /** @param metrics null: publish only reports */
  constructor(private readonly metrics: WorkerMetrics | null) {}

  /** Serves the metrics on a port of this process. Call it before the worker starts, so that a taken port fails at once. */
  async serve(serve: ServeMetrics, signal: AbortSignal): Promise<void> {
    const { metrics } = this
    if (metrics === null) return
    this.#server = await serve({
      snapshots: async () => [await metrics.snapshot()],
      activity: () => ({
        phase: signal.aborted ? 'stopping' : this.#worker ? 'working' : 'starting',
        trouble: this.#worker?.trouble() ?? undefined,
      }),
    })
  }

  /** Wraps the dependencies of the worker to measure its calls. */
  observing(deps: WorkerDeps): WorkerDeps {
    return this.metrics?.observing(deps) ?? deps
  }

  /** Reports what was changed in the files of a model that was opened. */
  opened(model: string, files: readonly FileRewrites[]): void {
    this.metrics?.opened(model, files)
  }

  async follow(worker: RunningWorker): Promise<void> {
    this.#worker = worker
    this.metrics?.follow(worker)
    if (!isSupervised()) return
    await this.#tell()
    this.#timer = setInterval(() => void this.#tell(), REPORT_MS)
  }

  /** Reports the final counts. Call it after the worker has ended. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    if (isSupervised()) await this.#tell()
    await this.#server?.close()
  }

  async #tell(): Promise<void> {
    if (this.#worker === undefined) return
    const metrics = await this.metrics?.snapshot()
    tellSupervisor({ kind: 'report', stats: this.#worker.stats(), metrics, trouble: this.#worker.trouble() })
  }
}
