import { modelKey } from '../domain/model.js'
import type { MetricsServer } from '../http/metrics/server.js'
import type { WorkerMetrics } from '../http/metrics/worker-metrics.js'
import type { RunningWorker, WorkerDeps } from '../workers/worker.js'
import type { Context } from './context.js'
import { serveMetrics } from './serve-metrics.js'
import { isSupervised, tellSupervisor } from './supervisor/messages.js'

const REPORT_MS = 1000

/** Before a worker is started, so that a port that is taken is told at once, and a worker that loads its model seen. */
export async function observeWorker(context: Context): Promise<WorkerObserver> {
  const { config, modelSpec } = context.app
  if (config.METRICS_PORT === 0) return new WorkerObserver(null)
  const { WorkerMetrics } = await import('../http/metrics/worker-metrics.js')
  const metrics = new WorkerMetrics({
    model: modelKey(modelSpec),
    concurrency: config.WORKER_CONCURRENCY,
    labelledByPid: isSupervised(),
  })
  const observer = new WorkerObserver(metrics)
  if (!isSupervised()) await observer.serve(context, metrics)
  return observer
}

/** Shows how a worker process is doing: on its own port, or, where it has a supervisor, to that. */
export class WorkerObserver {
  #worker: RunningWorker | undefined
  #timer: NodeJS.Timeout | undefined
  #server: MetricsServer | null = null

  constructor(private readonly metrics: WorkerMetrics | null) {}

  async serve(context: Context, metrics: WorkerMetrics): Promise<void> {
    const { signal } = context
    this.#server = await serveMetrics(context, {
      snapshots: async () => [await metrics.snapshot()],
      activity: () => ({ phase: signal.aborted ? 'stopping' : this.#worker ? 'working' : 'starting' }),
    })
  }

  /** What the worker is to work with instead, so that it is seen what passes. */
  observing(deps: WorkerDeps): WorkerDeps {
    return this.metrics?.observing(deps) ?? deps
  }

  async follow(worker: RunningWorker): Promise<void> {
    this.#worker = worker
    this.metrics?.follow(worker)
    if (!isSupervised()) return
    await this.#tell()
    this.#timer = setInterval(() => void this.#tell(), REPORT_MS)
  }

  /** Tells the final counts, once the worker has ended. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    if (isSupervised()) await this.#tell()
    await this.#server?.close()
  }

  async #tell(): Promise<void> {
    if (this.#worker)
      tellSupervisor({ kind: 'report', stats: this.#worker.stats(), metrics: await this.metrics?.snapshot() })
  }
}
