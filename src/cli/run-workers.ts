import { availableParallelism } from 'node:os'
import { modelKey } from '../domain/model.js'
import type { Activity } from '../http/metrics/health.js'
import type { MetricsServer } from '../http/metrics/server.js'
import { noStats } from '../workers/worker.js'
import type { Context } from './context.js'
import { fetchModel } from './model-files.js'
import { formatCount } from './output.js'
import { Progress } from './progress.js'
import { serveMetrics } from './serve-metrics.js'
import { Supervisor } from './supervisor/supervisor.js'

const SECOND = 1000
/** They report every second, but not while they encode. */
const SILENT_AFTER_MS = 60 * SECOND

/**
 * The `worker` command with several processes: runs them until they are stopped, or idle with `untilIdle`.
 * @returns exit code
 */
export async function runWorkers(
  context: Context,
  options: { processes: number; untilIdle: boolean },
): Promise<number> {
  const { app, out, signal, environment } = context
  const { processes } = options
  // Once, with progress on the terminal, and not by every process.
  await fetchModel(context)
  const logger = await app.logger()
  const progress = new Progress(`${processes} workers ${modelKey(app.modelSpec)}`)
  const supervisor = new Supervisor({
    ...options,
    environment: {
      ...environment,
      // Processes with one thread each embed more than one process with as many threads: nobody waits for the slowest.
      THREADS: environment.THREADS || '1',
      // glibc keeps memory for every thread that ever had some: 833 instead of 1,093 MiB at the peak (docs/images.md).
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
  const onAbort = () => void supervisor.stop()
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
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
    `${processes} workers ended: ${formatCount(stats.embedded)} photos embedded, ${formatCount(stats.failed)} failed, ` +
      `${formatCount(stats.retried)} handed on to be tried again` +
      `${restarts > 0 ? `; ${formatCount(restarts)} crashed and were replaced` : ''}.`,
  )
  return 0
}

async function serveSupervisor(context: Context, supervisor: Supervisor): Promise<MetricsServer | null> {
  if (context.app.config.METRICS_PORT === 0) return null
  const { SupervisorMetrics } = await import('../http/metrics/supervisor-metrics.js')
  const metrics = new SupervisorMetrics(supervisor)
  return serveMetrics(context, {
    snapshots: async () => [...supervisor.reports.map(report => report.metrics ?? []), await metrics.snapshot()],
    activity: () => activity(supervisor, context.signal.aborted),
  })
}

function activity({ working, heardAtMs, reports }: Supervisor, isStopping: boolean): Activity {
  if (isStopping) return { phase: 'stopping' }
  if (reports.length === 0) return { phase: 'starting' }
  if (working === 0) return { phase: 'working', problem: 'every worker process crashed; others are about to start' }
  const silentMs = Date.now() - heardAtMs!
  if (silentMs < SILENT_AFTER_MS) return { phase: 'working' }
  return { phase: 'working', problem: `no worker process was heard of for ${Math.round(silentMs / SECOND)} s` }
}
