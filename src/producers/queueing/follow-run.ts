import { AppError } from '../../domain/errors.js'
import type { Queue, QueueCounts } from '../../domain/ports/queue.js'
import type { IngestRepository, Run } from '../../domain/ports/repository.js'
import type { BatchesProgress, GivenUpGroup, RunRepository } from '../../domain/ports/run-repository.js'
import { formatQuantity } from '../../domain/text/format.js'
import { runCancelled, runPaused } from './back-pressure.js'
import { RetryingProxy } from './retrying-proxy.js'
import { type OnWait, throwIfStopped, type WaitReason, waitUnlessStopped } from './wait-reason.js'

/** Polls of an empty queue without progress after which the rest of a run counts as lost. */
const EMPTY_LOOKS = 5
/** Polls without progress after which the database is probed, and, without a batch under way, a missing worker reported. */
const IDLE_LOOKS = 10
/** Refills of the queue without progress in between. */
const MAX_REFILLS = 3
/** Batches per query. */
const PAGE_SIZE = 5000

const STOPPED =
  'Stopped following the run. It stays in the queue, and workers that are alive go on with it. To look at it: unsplash-clip run show'
const STOPPED_WITH_WORKERS =
  'Stopped, and the workers of this command with it. The same command goes on where it stopped.'

export interface RunProgress {
  run: Run
  queue: QueueCounts
}

export interface FollowDeps {
  repository: Pick<IngestRepository, 'run'>
  runs: Pick<RunRepository, 'assertWritable' | 'givenUpOfRun' | 'progressOf' | 'workers'>
  queue: Pick<Queue, 'counts'>
}

export interface FollowOptions {
  /** Poll interval. */
  intervalMs?: number
  /** Also waits until the queue is empty, for photos that an earlier run enqueued. */
  untilQueueEmpty?: boolean
  /** Ids of the batches enqueued for the run: also waits for those that another run has asked for since. */
  asked?: readonly string[]
  onProgress?: (progress: RunProgress) => void
  /** Whether the caller has started the workers, and stops them when it ends. */
  ownWorkers?: boolean
  onWait?: OnWait
  /** Enqueues batches that the queue lost. @returns number of added batches */
  refill?: () => Promise<number>
  signal?: AbortSignal
}

/** Outcome of the requested photos. */
export interface Followed {
  run: Run
  photos: number
  done: number
  failed: number
}

/**
 * Waits until every photo of a run is embedded or permanently failed, also while the run is paused and through
 * outages.
 * @throws AppError NOT_FOUND for an unknown run; RUN_CANCELLED; WORKER_FAILED when nobody will work on the remaining
 * photos: their batches were given up, or are not in the queue; INTERRUPTED
 */
export async function followRun(runId: string, deps: FollowDeps, options: FollowOptions = {}): Promise<Followed> {
  return new Follower(runId, deps, options).follow()
}

class Follower {
  readonly #deps: FollowDeps
  readonly #onWait: OnWait
  #settled = -1
  #moved = true
  #emptyLooks = 0
  #idleLooks = 0
  #stillLooks = 0
  #refills = 0
  #isWaiting = false

  constructor(
    private readonly runId: string,
    { repository, runs, queue }: FollowDeps,
    private readonly options: FollowOptions,
  ) {
    const { signal, onWait = () => {} } = options
    this.#onWait = onWait
    const retrying = new RetryingProxy({
      signal,
      onWait: reason => (reason === null ? this.#isBack() : onWait(reason)),
    })
    this.#deps = {
      repository: retrying.wrap(repository, 'database'),
      runs: retrying.wrap(runs, 'database'),
      queue: retrying.wrap(queue, 'queue'),
    }
  }

  async follow(): Promise<Followed> {
    const { intervalMs = 1000, onProgress, ownWorkers = false, signal } = this.options
    for (;;) {
      throwIfStopped(signal, ownWorkers ? STOPPED_WITH_WORKERS : STOPPED)
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

  /** @returns the outcome when the run has ended, otherwise null */
  async #look(run: Run, queue: QueueCounts): Promise<Followed | null> {
    if (run.state === 'cancelled') throw runCancelled(run.id)
    const isEmpty = queue.waiting + queue.active + queue.delayed === 0
    const isSettled = run.enqueuedAt !== null && run.done + run.failed >= run.photos
    if (isSettled && (isEmpty || !this.options.untilQueueEmpty)) return this.#endWith(run, isEmpty)

    this.#note(run.done + run.failed)
    if (run.state === 'paused') {
      this.#emptyLooks = 0
      return this.#wait(runPaused(run.id))
    }
    if (run.enqueuedAt !== null && run.openBatches === 0 && run.givenUpBatches > 0)
      throw givenUp(run, await this.#deps.runs.givenUpOfRun(run.id))
    if (this.#isAbandoned(isEmpty && run.enqueuedAt !== null)) return this.#refill(run)
    return this.#wait(await this.#obstacle(queue))
  }

  /** The run itself is finished, but other runs may have taken over its batches. */
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
    if (stuck.control === 'paused') return this.#wait(runPaused(stuck.runId))
    if (this.#isAbandoned(isEmpty)) throw abandoned({ ...run, photos, done, failed })
    return this.#wait({
      kind: 'moved',
      message: `${stuck.openBatches} of the batches were asked for again by run ${stuck.runId}; waiting for it.`,
    })
  }

  /** A server is back. The next look tells whether that ends the wait; the workers get time to notice it, too. */
  #isBack(): void {
    this.#isWaiting = true
    this.#idleLooks = 0
    this.#stillLooks = 0
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
    return this.#wait({
      kind: 'lost',
      message: `The queue was empty, but ${formatQuantity(left, 'photo was', 'photos were')} left: it has lost them. ${formatQuantity(batches, 'batch was', 'batches were')} enqueued again from the database.`,
    })
  }

  /** Why nothing moves; null: it does, or the batches are under way or tried again later. */
  async #obstacle(queue: QueueCounts): Promise<WaitReason | null> {
    const { waiting, active, delayed } = queue
    const isIdle = !this.#moved && active === 0 && waiting > 0
    this.#idleLooks = isIdle ? this.#idleLooks + 1 : 0
    this.#stillLooks = this.#moved ? 0 : this.#stillLooks + 1
    const isStill = this.#stillLooks > 0 && this.#stillLooks % IDLE_LOOKS === 0
    // Workers cannot report to a database that takes no writes. This waits for it, and says so.
    if (isStill) await this.#deps.runs.assertWritable()
    // Zero after a wait.
    if (this.#idleLooks < IDLE_LOOKS && this.#stillLooks < IDLE_LOOKS) return null
    const workers = await this.#deps.runs.workers()
    const troubles = workers.flatMap(({ trouble }) => trouble ?? [])
    if (this.#idleLooks < IDLE_LOOKS) {
      if (troubles.length === 0 || troubles.length < workers.length) return null
      const held = formatQuantity(waiting + active + delayed, 'batch waits', 'batches wait')
      return { kind: 'no worker', message: `${held} and no worker goes on: ${troubles[0]}` }
    }
    const held = formatQuantity(waiting, 'batch waits', 'batches wait')
    if (workers.length === 0 && this.options.ownWorkers)
      return { kind: 'no worker', message: `${held} until the workers of this command have started.` }
    const why =
      workers.length === 0
        ? 'no worker is alive. Start one, in another terminal: unsplash-clip worker'
        : `no worker takes them${troubles.length > 0 ? `: ${troubles[0]}` : ''}`
    return { kind: 'no worker', message: `${held} and ${why}` }
  }

  #wait(reason: WaitReason | null): null {
    if (reason !== null || this.#isWaiting) this.#onWait(reason)
    this.#isWaiting = reason !== null
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
