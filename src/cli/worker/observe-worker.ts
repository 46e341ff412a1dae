import { modelKey } from '../../domain/model.js'
import { WorkerObserver } from '../../metrics/worker-observer.js'
import { isSupervised } from '../../workers/supervisor/messages.js'
import type { Context } from '../context.js'
import { serveMetrics } from './serve-metrics.js'

/** Opens the metrics of a worker process before the worker starts, so that a taken port fails at once. */
export async function observeWorker(context: Context): Promise<WorkerObserver> {
  const { config, models } = context.app
  if (config.METRICS_PORT === 0) return new WorkerObserver(null)
  const { WorkerMetrics } = await import('../../metrics/worker-metrics.js')
  const metrics = new WorkerMetrics({
    model: modelKey(models.spec),
    concurrency: config.WORKER_CONCURRENCY,
    labelledByPid: isSupervised(),
  })
  const observer = new WorkerObserver(metrics)
  if (!isSupervised()) await observer.serve(options => serveMetrics(context, options), context.signal)
  return observer
}
