import { createHash } from 'node:crypto'
import { AppError, type PhotoFailureCode } from '../../domain/errors.js'
import { anySignal } from '../../domain/signals/any-signal.js'
import { createRun, type IngestDeps, type IngestPlan, type IngestRun, ingest, newRunId } from '../ingest.js'
import type { RowProblemCode } from '../input/source.js'
import type { WaitReason } from '../queueing/wait-reason.js'
import { type GivenPhoto, givenPhotos } from './given-photos.js'

/** Runs that are enqueued after their request was answered. */
const MAX_IN_BACKGROUND = 4

/** What all runs of a server have in common. */
export type SubmissionPlan = Omit<IngestPlan, 'subject'>

/** What became of a submission. */
export interface Submitted {
  runId: string
  photos: number
  enqueued: number
  alreadyQueued: number
  alreadyEmbedded: number
  previouslyFailed: number
  /** Photos that cannot be read, by their position from 0. */
  refused: { index: number; code: RowProblemCode; found: string }[]
}

/** Where submissions are recorded. */
export interface SubmissionStore {
  claim(key: Buffer, digest: Buffer, runId: string): Promise<{ digest: Buffer; runId: string; answer: object | null }>
  complete(key: Buffer, answer: object): Promise<void>
}

export interface Submission {
  photos: readonly GivenPhoto[]
  /** Separates callers from each other. */
  caller: string
  /** Of the caller; undefined: the same photos are the same submission. */
  idempotencyKey?: string
  /** For display. */
  description: string
}

/**
 * Ingests what programs submit. A submission that is repeated within a day gives the same run and answer; one that was
 * not enqueued as a whole goes on where it stopped.
 */
export class Submissions {
  readonly #underWay = new Map<string, { digest: Buffer; result: Promise<Submitted | null> }>()
  readonly #background = new Set<Promise<void>>()
  readonly #stop = new AbortController()

  constructor(
    private readonly deps: IngestDeps,
    private readonly store: SubmissionStore,
    private readonly onFailed: (runId: string, error: unknown) => void,
  ) {}

  /**
   * Stores and enqueues photos before it resolves.
   * @returns `null` when the key was used with other photos
   * @throws AppError QUEUE_FULL at once, instead of waiting for room; INTERRUPTED; errors of the database and the queue
   */
  async submit(submission: Submission, plan: SubmissionPlan, signal: AbortSignal): Promise<Submitted | null> {
    const digest = sha256(JSON.stringify([submission.photos, plan.priority, plan.model, plan.labelSets]))
    const { caller, idempotencyKey } = submission
    const key = sha256(JSON.stringify([caller, idempotencyKey ?? digest.toString('hex')]))
    const name = key.toString('hex')
    const other = this.#underWay.get(name)
    if (other) return other.digest.equals(digest) ? other.result : null
    const result = this.#claimed(key, digest, submission, plan, signal)
    this.#underWay.set(name, { digest, result })
    try {
      return await result
    } finally {
      this.#underWay.delete(name)
    }
  }

  async #claimed(
    key: Buffer,
    digest: Buffer,
    { photos, description }: Submission,
    plan: SubmissionPlan,
    signal: AbortSignal,
  ): Promise<Submitted | null> {
    const claimed = await this.store.claim(key, digest, newRunId())
    if (!claimed.digest.equals(digest)) return null
    if (claimed.answer !== null) return claimed.answer as Submitted
    const source = givenPhotos(photos, description)
    const whole: IngestPlan = { ...plan, subject: { kind: 'input', source, selection: {}, onlyMissing: false } }
    const run = await createRun(this.deps, whole, { id: claimed.runId, signal })
    const answer = await this.#enqueued(run, signal)
    await this.store.complete(key, answer)
    return answer
  }

  async #enqueued(run: IngestRun, signal: AbortSignal): Promise<Submitted> {
    const hold = new AbortController()
    let reason: WaitReason | undefined
    const refused: Submitted['refused'] = []
    const ending = anySignal([signal, hold.signal, this.#stop.signal])
    try {
      const { summary } = await ingest(this.deps, run, {
        workers: null,
        follow: false,
        signal: ending,
        onBadRow: ({ line, problem }) => refused.push({ index: line - 1, ...problem }),
        onWait: waits => {
          // A batch leaves its worker in a moment. All else may take hours.
          if (waits === null || waits.kind === 'leaving') return
          reason = waits
          hold.abort()
        },
      })
      return {
        runId: run.id,
        photos: summary.photos,
        enqueued: summary.enqueuedPhotos,
        alreadyQueued: summary.alreadyQueued,
        alreadyEmbedded: summary.alreadyEmbedded,
        previouslyFailed: summary.previouslyFailed,
        refused,
      }
    } catch (error) {
      if (reason === undefined || !(error instanceof AppError && error.code === 'INTERRUPTED')) throw error
      const code = reason.kind === 'queue full' || reason.kind === 'no worker' ? 'QUEUE_FULL' : 'INTERRUPTED'
      throw new AppError(code, `${reason.message} Send the same request again later: it goes on where it stopped.`, {
        cause: error,
      })
    } finally {
      ending.clear()
    }
  }

  /**
   * Tries the failed photos of a run again, as a run of their own, and resolves as soon as that run is recorded: it may
   * have millions of photos.
   * @returns null while too many other runs are being enqueued
   */
  async retry(runId: string, code: PhotoFailureCode | undefined, plan: SubmissionPlan): Promise<string | null> {
    if (this.#background.size >= MAX_IN_BACKGROUND) return null
    const whole: IngestPlan = { ...plan, subject: { kind: 'failed', ofRun: runId, code } }
    const { signal } = this.#stop
    const run = await createRun(this.deps, whole, { signal })
    const work = ingest(this.deps, run, { workers: null, follow: false, signal }).then(
      () => {},
      error => this.onFailed(run.id, error),
    )
    this.#background.add(work)
    work.finally(() => this.#background.delete(work))
    return run.id
  }

  /** Stops what is being enqueued. Its runs are interrupted, and `ingest --only-missing` goes on with them. */
  async close(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#background)
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
