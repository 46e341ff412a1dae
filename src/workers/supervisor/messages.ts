import type { CommandFailureCode } from '../../domain/errors.js'
import type { WorkerStats } from '../worker.js'
import type { MetricSnapshot } from './metric-snapshot.js'

/** State of a worker process, totals since its start. */
export interface ProcessReport {
  stats: WorkerStats
  /** With METRICS_PORT: the metrics that it would serve. */
  metrics?: MetricSnapshot
  /** Names the services that are away and why; null: none. */
  trouble?: string | null
}

/** Messages of a worker process to its supervisor. The first report means that it has started and takes batches. */
export type FromWorker =
  | ({ kind: 'report' } & ProcessReport)
  | { kind: 'failed'; code: CommandFailureCode; message: string }

/** Message of the supervisor to a worker process: finish the batches under way, then end. */
export interface ToWorker {
  kind: 'stop'
}

const SUPERVISOR = 'UNSPLASH_CLIP_SUPERVISOR'
const PROCESSES = 'UNSPLASH_CLIP_PROCESSES'

/**
 * Environment of a supervised process. It applies to that process only, not to its children.
 * @param processes number of processes that share the machine, this one included
 */
export const supervisedEnvironment = (processes: number): Record<string, string> => ({
  [SUPERVISOR]: String(process.pid),
  [PROCESSES]: String(processes),
})

/** Number of worker processes that share the machine; 1 without a supervisor. */
export function siblings(): number {
  return isSupervised() ? Number(process.env[PROCESSES]) || 1 : 1
}

/** Whether a supervisor started this process and listens; an ipc channel alone proves neither. */
export function isSupervised(): boolean {
  const supervisor = process.env[SUPERVISOR]
  if (process.send === undefined || supervisor === undefined) return false
  // Without a channel: the supervisor was killed while this process started, so it has another parent by now.
  return supervisor === String(process.ppid) || process.connected === false
}

/** Sends a message to the supervisor. Without one nothing is lost: this process is about to end, too. */
export function tellSupervisor(message: FromWorker): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}
