import { SECOND } from '../domain/units.js'
import type { Supervisor } from '../workers/supervisor/supervisor.js'
import type { Activity } from './health.js'

/** Workers report every second, but not while they encode. */
const SILENT_AFTER_MS = 60 * SECOND

/** The activity of a supervisor and its worker processes, for health checks. */
export function supervisorActivity(
  { working, heardAtMs, reports }: Pick<Supervisor, 'working' | 'heardAtMs' | 'reports'>,
  isStopping: boolean,
): Activity {
  if (isStopping) return { phase: 'stopping' }
  if (reports.length === 0) return { phase: 'starting' }
  if (working === 0) return { phase: 'working', problem: 'every worker process crashed; others are about to start' }
  const silentMs = Date.now() - heardAtMs!
  if (silentMs < SILENT_AFTER_MS) return { phase: 'working', trouble: troubleOfAll(reports) }
  return { phase: 'working', problem: `no worker process has reported for ${Math.round(silentMs / SECOND)} s` }
}

/** What every worker waits for; nothing while one of them works. */
function troubleOfAll(reports: Supervisor['reports']): string | undefined {
  const troubles = reports.map(report => report.trouble)
  return troubles.every(Boolean) ? troubles[0]! : undefined
}
