import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../domain/errors.js'
import type { Queue, QueueCounts } from '../domain/ports/queue.js'
import type { IngestRepository, Run } from '../domain/ports/repository.js'

/** Looks at an empty queue in a row after which the rest of a run is given up: its photos are in nobody's hands. */
const EMPTY_LOOKS = 5
/** Looks in a row without progress and with no batch in hand after which a worker is missed. */
const IDLE_LOOKS = 10

export interface RunProgress {
  run: Run
  queue: QueueCounts
}

export interface FollowOptions {
  /** Time between two looks. */
  intervalMs?: number
  /** Also waits until the queue is empty, for photos that an earlier run enqueued. */
  untilQueueEmpty?: boolean
  onProgress?: (progress: RunProgress) => void
  /** Called once whenever work waits and nobody does it; `message` says what to do. */
  onIdle?: (message: string) => void
  signal?: AbortSignal
}

/**
 * Waits until every photo of a run is embedded or failed for good.
 * @throws AppError NOT_FOUND for an unknown run; WORKER_FAILED when the queue has run empty and photos of the run are
 * left; INTERRUPTED
 */
export async function followRun(
  runId: string,
  deps: { repository: Pick<IngestRepository, 'run'>; queue: Pick<Queue, 'counts'> },
  options: FollowOptions = {},
): Promise<Run> {
  const { intervalMs = 1000, untilQueueEmpty = false, onProgress, onIdle, signal } = options
  let settledBefore = -1
  let emptyLooks = 0
  let idleLooks = 0
  for (;;) {
    throwIfStopped(signal)
    const run = await deps.repository.run(runId)
    if (run === null) throw new AppError('NOT_FOUND', `No run has the id ${runId}. "unsplash-clip status" lists them.`)
    const queue = await deps.queue.counts()
    onProgress?.({ run, queue })
    const settled = run.done + run.failed
    const isEmpty = queue.waiting + queue.active + queue.delayed === 0
    if (run.enqueuedAt !== null && settled >= run.photos && (isEmpty || !untilQueueEmpty)) return run

    const moved = settled !== settledBefore
    settledBefore = settled
    emptyLooks = isEmpty && !moved && run.enqueuedAt !== null ? emptyLooks + 1 : 0
    if (emptyLooks >= EMPTY_LOOKS) throw abandoned(run, queue)
    idleLooks = !isEmpty && !moved && queue.active === 0 && queue.waiting > 0 ? idleLooks + 1 : 0
    if (idleLooks === IDLE_LOOKS)
      onIdle?.(
        `${queue.waiting} batches wait and no worker takes them. Start one, in another terminal: unsplash-clip worker`,
      )
    await delay(intervalMs, undefined, { signal }).catch(() => throwIfStopped(signal))
  }
}

function abandoned(run: Run, queue: QueueCounts): AppError {
  const left = run.photos - run.done - run.failed
  return new AppError(
    'WORKER_FAILED',
    `The queue is empty, but ${left} of the run's ${run.photos} photos are neither embedded nor failed (${run.done} embedded, ${run.failed} failed; ${queue.failed} batches failed every attempt). See what "unsplash-clip status" says, then enqueue them again: unsplash-clip ingest --only-missing`,
  )
}

function throwIfStopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new AppError(
      'INTERRUPTED',
      'Stopped following the run. Workers go on with it; "unsplash-clip status" shows it.',
      {
        cause: signal.reason,
      },
    )
}
