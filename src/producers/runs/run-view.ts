import type { Run } from '../../domain/ports/repository.js'
import type { SeenWorker } from '../../domain/ports/run-repository.js'

/** A run with figures derived from its counts and from the reports of the workers. */
export interface RunView extends Run {
  /** Photos neither embedded nor failed: in flight, waiting, parked or given up; in a cancelled run, left undone. */
  left: number
  /** Photos that workers hold. */
  inFlight: number
  /** Photos in the queue, ready or delayed. */
  waiting: number
  /**
   * Time to the end at the rate of the last two minutes; null: unknown, also while no worker goes on because none is
   * alive or something is in the way of all.
   */
  etaSeconds: number | null
}

/** @param workers the live workers */
export function viewRun(run: Run, workers: readonly SeenWorker[]): RunView {
  const left = Math.max(0, run.photos - run.done - run.failed)
  const reachable = Math.max(0, left - run.parkedPhotos - run.givenUpPhotos)
  // Reports are some seconds old, and workers have settled photos since.
  const inFlight = Math.min(reachable, sum(workers.map(worker => worker.inHand[run.id] ?? 0)))
  const isGoingOn = inFlight > 0 || workers.some(({ trouble }) => trouble === null)
  const isAtWork = (run.state === 'running' || run.state === 'enqueuing') && isGoingOn
  const etaSeconds = isAtWork && reachable > 0 && run.photosPerSecond > 0 ? reachable / run.photosPerSecond : null
  const waiting = run.state === 'cancelled' ? 0 : reachable - inFlight
  return { ...run, left, inFlight, waiting, etaSeconds }
}

export interface WorkersView {
  alive: number
  photosPerSecond: number
  /** Photos of all runs that workers hold. */
  inFlight: number
  workers: readonly SeenWorker[]
}

export function viewWorkers(workers: readonly SeenWorker[]): WorkersView {
  return {
    alive: workers.length,
    photosPerSecond: sum(workers.map(worker => worker.photosPerSecond)),
    inFlight: sum(workers.flatMap(worker => Object.values(worker.inHand))),
    workers,
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
