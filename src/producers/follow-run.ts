import { AppError } from '../domain/errors.js'
import type { Queue, QueueCounts } from '../domain/ports/queue.js'
import type { IngestRepository, Run } from '../domain/ports/repository.js'
import type { BatchesProgress, GivenUpGroup, RunRepository } from '../domain/ports/run-repository.js'
import { runCancelled, runPaused } from './back-pressure.js'
import { type Hold, type OnHold, throwIfStopped, waitUnlessStopped } from './hold.js'
import { Patience } from './patience.js'

/** Looks at an empty queue in a row, without progress, after which the rest of a run is in nobody's hands. */
const EMPTY_LOOKS = 5
/** Looks in a row without progress and with no batch in hand after which a worker is missed. */
const IDLE_LOOKS = 10
/** Times that what the queue has lost is enqueued again without any progress in between. */
const MAX_REFILLS = 3
/** Batches that are asked for at once. */
const PAGE_SIZE = 5000

const STOPPED = 'Stopped following the run. Workers go on with it; "unsplash-clip run show" shows it.'

export interface RunProgress {
  run: Run
  queue: QueueCounts
}

export interface FollowDeps {
  repository: Pick<IngestRepository, 'run'>
  runs: Pick<RunRepository, 'givenUpOfRun' | 'progressOf' | 'workers'>
  queue: Pick<Queue, 'counts'>
}

export interface FollowOptions {
  /** Time between two looks. */
  intervalMs?: number
  /** Also waits until the queue is empty, for photos that an earlier run enqueued. */
  untilQueueEmpty?: boolean
  /** Batches that were enqueued for the run: those that another run asked for since are waited for, too. */
  asked?: readonly string[]
  onProgress?: (progress: RunProgress) => void
  onHold?: OnHold
  /** Enqueues again what the queue has lost. @returns batches that were added */
  refill?: () => Promise<number>
  signal?: AbortSignal
}

/** What became of the photos that were asked for. */
export interface Followed {
  run: Run
  photos: number
  done: number
  failed: number
}

/**
 * Waits until every photo of a run is embedded or failed for good; also while the run is paused, and through outages.
 * @throws AppError NOT_FOUND for an unknown run; RUN_CANCELLED; WORKER_FAILED when photos are left that nobody will work
 * on: their batches were given up, or are not in the queue; INTERRUPTED
 */
export async function followRun(runId: string, deps: FollowDeps, options: FollowOptions = {}): Promise<Followed> {
  return new Follower(runId, deps, options).follow()
}

class Follower {
  readonly #deps: FollowDeps
  readonly #onHold: OnHold
  #settled = -1
  #moved = true
  #emptyLooks = 0
  #idleLooks = 0
  #refills = 0
  #isHeld = false

  constructor(
    private readonly runId: string,
    { repository, runs, queue }: FollowDeps,
    private readonly options: FollowOptions,
  ) {
    const { signal, onHold = () => {} } = options
    this.#onHold = onHold
    const patience = new Patience({ signal, onHold })
    this.#deps = {
      repository: patience.with(repository, 'database'),
      runs: patience.with(runs, 'database'),
      queue: patience.with(queue, 'queue'),
    }
  }

  async follow(): Promise<Followed> {
    const { intervalMs = 1000, onProgress, signal } = this.options
    for (;;) {
      throwIfStopped(signal, STOPPED)
      const run = await this.#deps.repository.run(this.runId)
      if (run === null)
        throw new AppError('NOT_FOUND', `No run has the id ${this.runId}. "unsplash-clip run list" lists them.`)
      const queue = await this.#deps.queue.counts()
      onProgress?.({ run, queue })
      const followed = await this.#look(run, queue)
      if (followed) return followed
      await waitUnlessStopped(intervalMs, signal)
    }
  }

  /** @returns what became of the run when it has ended, else null */
  async #look(run: Run, queue: QueueCounts): Promise<Followed | null> {
    if (run.state === 'cancelled') throw runCancelled(run.id)
    const isEmpty = queue.waiting + queue.active + queue.delayed === 0
    const isSettled = run.enqueuedAt !== null && run.done + run.failed >= run.photos
    if (isSettled && (isEmpty || !this.options.untilQueueEmpty)) return this.#endWith(run, isEmpty)

    this.#note(run.done + run.failed)
    if (run.state === 'paused') {
      this.#emptyLooks = 0
      return this.#hold(runPaused(run.id))
    }
    if (run.enqueuedAt !== null && run.openBatches === 0 && run.givenUpBatches > 0)
      throw givenUp(run, await this.#deps.runs.givenUpOfRun(run.id))
    if (this.#isAbandoned(isEmpty && run.enqueuedAt !== null)) return this.#refill(run)
    return this.#hold(await this.#missedWorker(queue))
  }

  /** The run has nothing left; but other runs may have asked for its batches. */
  async #endWith(run: Run, isEmpty: boolean): Promise<Followed | null> {
    const groups = await this.#progressOfAsked()
    if (groups.length === 0) return { run, photos: run.photos, done: run.done, failed: run.failed }
    const sum = (count: (group: BatchesProgress) => number) => groups.reduce((total, group) => total + count(group), 0)
    const [photos, done, failed] = [sum(group => group.photos), sum(group => group.done), sum(group => group.failed)]
    const open = groups.filter(group => group.openBatches > 0)
    if (open.length === 0) return { run, photos, done, failed }
    const cancelled = open.find(group => group.control === 'cancelled')
    if (cancelled) throw runCancelled(cancelled.runId)
    const stuck = open.find(group => group.openBatches > group.givenUpBatches)
    if (!stuck) throw givenUp({ ...run, photos, done, failed }, await this.#deps.runs.givenUpOfRun(open[0]!.runId))
    this.#note(done + failed)
    if (stuck.control === 'paused') return this.#hold(runPaused(stuck.runId))
    if (this.#isAbandoned(isEmpty)) throw abandoned({ ...run, photos, done, failed })
    return this.#hold({
      kind: 'moved',
      message: `${stuck.openBatches} of the batches were asked for again by run ${stuck.runId}; waiting for it.`,
    })
  }

  #note(settled: number): void {
    this.#moved = settled !== this.#settled
    this.#settled = settled
    if (this.#moved) this.#refills = 0
  }

  #isAbandoned(isEmpty: boolean): boolean {
    this.#emptyLooks = isEmpty && !this.#moved ? this.#emptyLooks + 1 : 0
    return this.#emptyLooks >= EMPTY_LOOKS
  }

  async #refill(run: Run): Promise<null> {
    this.#emptyLooks = 0
    const { refill } = this.options
    if (refill === undefined || this.#refills++ >= MAX_REFILLS) throw abandoned(run)
    const batches = await refill()
    const left = run.photos - run.done - run.failed
    return this.#hold({
      kind: 'lost',
      message: `The queue was empty, but ${left} photos were left: it has lost them. ${batches} batches were enqueued again from the database.`,
    })
  }

  async #missedWorker({ waiting, active }: QueueCounts): Promise<Hold | null> {
    this.#idleLooks = !this.#moved && active === 0 && waiting > 0 ? this.#idleLooks + 1 : 0
    if (this.#idleLooks < IDLE_LOOKS) return null
    const workers = await this.#deps.runs.workers()
    const trouble = workers.find(worker => worker.trouble !== null)?.trouble
    const why =
      workers.length === 0
        ? 'no worker is alive. Start one, in another terminal: unsplash-clip worker'
        : `no worker takes them${trouble ? `: ${trouble}` : ''}`
    return { kind: 'no worker', message: `${waiting} batches wait and ${why}` }
  }

  #hold(hold: Hold | null): null {
    if (hold !== null || this.#isHeld) this.#onHold(hold)
    this.#isHeld = hold !== null
    return null
  }

  async #progressOfAsked(): Promise<BatchesProgress[]> {
    const { asked = [] } = this.options
    const byRun = new Map<string, BatchesProgress>()
    for (let i = 0; i < asked.length; i += PAGE_SIZE)
      for (const group of await this.#deps.runs.progressOf(asked.slice(i, i + PAGE_SIZE))) {
        const before = byRun.get(group.runId)
        if (before) for (const key of COUNTS) group[key] += before[key]
        byRun.set(group.runId, group)
      }
    return [...byRun.values()]
  }
}

const COUNTS = ['photos', 'done', 'failed', 'openBatches', 'givenUpBatches'] as const

type Settled = Pick<Run, 'photos' | 'done' | 'failed'>

function abandoned({ photos, done, failed }: Settled): AppError {
  return new AppError(
    'WORKER_FAILED',
    `The queue is empty, but ${photos - done - failed} of the run's ${photos} photos are neither embedded nor failed (${done} embedded, ${failed} failed): the queue has lost them. Enqueue them again from the database: unsplash-clip ingest --only-missing`,
  )
}

function givenUp({ photos, done, failed }: Settled, groups: readonly GivenUpGroup[]): AppError {
  const why = groups.map(({ code, batches, message }) => `\n${code}, ${batches} batches: ${message}`)
  return new AppError(
    'WORKER_FAILED',
    `${photos - done - failed} of the run's ${photos} photos are neither embedded nor failed (${done} embedded, ${failed} failed): their batches were given up after the last try.${why.join('')}\nRemove the cause, then enqueue them again: unsplash-clip ingest --only-missing`,
  )
}
