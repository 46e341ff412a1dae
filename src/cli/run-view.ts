import type { Run } from '../domain/ports/repository.js'
import type { SeenWorker } from '../domain/ports/run-repository.js'

/** A run with what follows from its counts and from what the workers say. */
export interface RunView extends Run {
  /** Photos neither embedded nor failed: in flight, waiting, parked or given up; or left undone, when it was cancelled. */
  left: number
  /** In the hands of workers. */
  inFlight: number
  /** In the queue, to be tried now or later. */
  waiting: number
  /** Until nothing is left, at the rate of the last two minutes; null: nobody knows. */
  etaSeconds: number | null
}

/** @param workers those that are alive */
export function viewRun(run: Run, workers: readonly SeenWorker[]): RunView {
  const left = Math.max(0, run.photos - run.done - run.failed)
  const reachable = Math.max(0, left - run.parkedPhotos - run.givenUpPhotos)
  // What workers said some seconds ago; what they have settled since is not in their hands any more.
  const inFlight = Math.min(reachable, sum(workers.map(worker => worker.inHand[run.id] ?? 0)))
  const isAtWork = run.state === 'running' || run.state === 'enqueuing'
  const etaSeconds = isAtWork && reachable > 0 && run.photosPerSecond > 0 ? reachable / run.photosPerSecond : null
  const waiting = run.state === 'cancelled' ? 0 : reachable - inFlight
  return { ...run, left, inFlight, waiting, etaSeconds }
}

export interface WorkersView {
  alive: number
  photosPerSecond: number
  /** Photos in their hands, of all runs. */
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
