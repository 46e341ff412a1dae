import { availableParallelism } from 'node:os'
import { modelKey } from '../../domain/model.js'
import { formatCount, formatQuantity } from '../../domain/text/format.js'
import { SECOND } from '../../domain/units.js'
import type { MetricsServer } from '../../metrics/server.js'
import { supervisorActivity } from '../../metrics/supervisor-activity.js'
import { Supervisor } from '../../workers/supervisor/supervisor.js'
import { noStats } from '../../workers/worker.js'
import type { Context } from '../context.js'
import { SOME_FAILED } from '../exit-codes.js'
import { fetchModel } from '../models/model-files.js'
import { Progress } from '../print/progress.js'
import { serveMetrics } from './serve-metrics.js'

/**
 * The `worker` command with several processes. Runs them until they are stopped or, with `untilIdle`, idle.
 * @returns exit code
 */
export async function superviseWorkers(
  context: Context,
  options: { processes: number; untilIdle: boolean },
): Promise<number> {
  const { app, out, signal, environment } = context
  const { processes } = options
  // Once, with progress on the terminal, instead of in every process.
  await fetchModel(context)
  const logger = await app.logger()
  const progress = new Progress(`${processes} workers ${modelKey(app.models.spec)}`)
  const supervisor = new Supervisor({
    ...options,
    signal,
    environment: {
      ...environment,
      // Their lines are printed here.
      LOG_FORMAT: environment.LOG_FORMAT || (process.stderr.isTTY ? 'text' : 'json'),
      // Processes with one thread each embed more than one process with as many threads: no thread waits for the slowest.
      THREADS: environment.THREADS || '1',
      // glibc keeps memory for every thread that ever had some: 833 instead of 1,093 MiB at the peak (docs/explanation/images.md).
      MALLOC_ARENA_MAX: environment.MALLOC_ARENA_MAX || '2',
    },
    onLine: line => progress.interrupt(`${line}\n`),
    onCrash: ({ pid: worker, told, ...crash }) =>
      logger.warn({ worker, ...crash, err: told }, 'a worker process crashed; another one takes its place'),
  })
  const server = await serveSupervisor(context, supervisor)
  supervisor.start()
  logger.info({ processes, cores: availableParallelism() }, 'supervisor started')
  const timer = setInterval(() => {
    const { embedded, failed } = supervisor.stats() ?? noStats()
    const { working } = supervisor
    progress.update({ total: null, done: embedded, failed }, working < processes ? `${working} at work` : '')
  }, SECOND)
  try {
    await supervisor.done
  } finally {
    clearInterval(timer)
    progress.end()
    await server?.close()
  }
  if (supervisor.failure) throw supervisor.failure
  const stats = supervisor.stats() ?? noStats()
  const { restarts } = supervisor
  out.result(
    { ...stats, processes, restarts },
    `${processes} workers ended: ${formatQuantity(stats.embedded, 'photo')} embedded, ${formatCount(stats.failed)} failed, ` +
      `${formatCount(stats.retried)} returned for another try` +
      `${restarts > 0 ? `; ${formatCount(restarts)} crashed and were replaced` : ''}.`,
  )
  return options.untilIdle && stats.failed > 0 ? SOME_FAILED : 0
}

async function serveSupervisor(context: Context, supervisor: Supervisor): Promise<MetricsServer | null> {
  if (context.app.config.METRICS_PORT === 0) return null
  const { SupervisorMetrics } = await import('../../metrics/supervisor-metrics.js')
  const { zeroCounters } = await import('../../metrics/worker-metrics.js')
  const metrics = new SupervisorMetrics(supervisor)
  const zeros = await zeroCounters(modelKey(context.app.models.spec))
  return serveMetrics(context, {
    snapshots: async () => [...supervisor.reports.map(report => report.metrics ?? []), zeros, await metrics.snapshot()],
    activity: () => supervisorActivity(supervisor, context.signal.aborted),
  })
}
