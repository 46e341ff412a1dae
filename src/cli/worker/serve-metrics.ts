import type { Activity } from '../../metrics/health.js'
import type { MetricsServer } from '../../metrics/server.js'
import type { MetricSnapshot } from '../../workers/supervisor/metric-snapshot.js'
import type { Context } from '../context.js'

/** Serves metrics and health on METRICS_PORT; null for port 0. Each request asks the queue and the database. */
export async function serveMetrics(
  { app }: Context,
  options: { snapshots: () => Promise<MetricSnapshot[]>; activity: () => Activity },
): Promise<MetricsServer | null> {
  const { METRICS_HOST: host, METRICS_PORT: port } = app.config
  if (port === 0) return null
  const { HealthMonitor } = await import('../../metrics/health.js')
  const { HealthMetrics } = await import('../../metrics/health-metrics.js')
  const { QueueMetrics } = await import('../../metrics/queue-metrics.js')
  const { startMetricsServer } = await import('../../metrics/server.js')
  const countBatches = async () => (await app.queue()).counts()
  const queue = new QueueMetrics(app.config.QUEUE_NAME, countBatches)
  const health = new HealthMonitor(options.activity, {
    database: () => app.database.assertWritable(),
    queue: async () => (await app.queue()).check(),
  })
  const readiness = new HealthMetrics(() => health.ready())
  return startMetricsServer({
    host,
    port,
    snapshots: async () => {
      const [processes, ...own] = await Promise.all([options.snapshots(), readiness.snapshot(), queue.snapshot()])
      return [...processes, ...own]
    },
    live: () => health.live(),
    ready: () => health.ready(),
  })
}
