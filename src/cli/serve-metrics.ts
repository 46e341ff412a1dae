import type { Activity } from '../http/metrics/health.js'
import type { MetricsServer } from '../http/metrics/server.js'
import type { MetricSnapshot } from '../http/metrics/snapshot.js'
import type { Context } from './context.js'

/**
 * Serves metrics and health, where METRICS_PORT wants it; null where not. The queue and the database are asked when
 * somebody looks.
 */
export async function serveMetrics(
  { app }: Context,
  options: { snapshots: () => Promise<MetricSnapshot[]>; activity: () => Activity },
): Promise<MetricsServer | null> {
  const { METRICS_HOST: host, METRICS_PORT: port } = app.config
  if (port === 0) return null
  const { HealthMonitor } = await import('../http/metrics/health.js')
  const { QueueMetrics } = await import('../http/metrics/queue-metrics.js')
  const { startMetricsServer } = await import('../http/metrics/server.js')
  const countBatches = async () => (await app.queue()).counts()
  const queue = new QueueMetrics(countBatches)
  const health = new HealthMonitor(options.activity, {
    database: () => app.pingDatabase(),
    queue: countBatches,
  })
  return startMetricsServer({
    host,
    port,
    snapshots: async () => [...(await options.snapshots()), await queue.snapshot()],
    live: () => health.live(),
    ready: () => health.ready(),
  })
}
