import type { CommandFailureCode } from '../../domain/errors.js'
import type { MetricSnapshot } from '../../http/metrics/snapshot.js'
import type { WorkerStats } from '../../workers/worker.js'

/** How a worker process is doing: since its start, all told. */
export interface ProcessReport {
  stats: WorkerStats
  /** With METRICS_PORT: what it would show there. */
  metrics?: MetricSnapshot
}

/** What a worker process tells its supervisor. The first report says that it has started and takes batches. */
export type FromWorker =
  | ({ kind: 'report' } & ProcessReport)
  | { kind: 'failed'; code: CommandFailureCode; message: string }

/** What the supervisor tells a worker process: finish what is in hand, and end. */
export interface ToWorker {
  kind: 'stop'
}

const SUPERVISOR = 'UNSPLASH_CLIP_SUPERVISOR'
const PROCESSES = 'UNSPLASH_CLIP_PROCESSES'

/**
 * Makes the process that is started with it a supervised one. Holds for that process alone, not for those it starts.
 * @param processes that share the machine, this one included
 */
export const supervisedEnvironment = (processes: number): Record<string, string> => ({
  [SUPERVISOR]: String(process.pid),
  [PROCESSES]: String(processes),
})

/** How many processes of this worker share the machine; 1 without a supervisor. */
export function siblings(): number {
  return isSupervised() ? Number(process.env[PROCESSES]) || 1 : 1
}

/** Whether a supervisor started this process, and listens: an ipc channel alone might be anybody's. */
export function isSupervised(): boolean {
  return process.send !== undefined && process.env[SUPERVISOR] === String(process.ppid)
}

/** Tells the supervisor. Nothing is lost when there is none any more: then this process is about to end, too. */
export function tellSupervisor(message: FromWorker): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}
