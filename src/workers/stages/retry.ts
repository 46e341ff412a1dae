import { type Backoff, backoffMs } from '../../domain/backoff.js'
import { batchId } from '../../domain/batch-id.js'
import { HostPausedError } from '../../domain/errors.js'
import type { PhotoRef } from '../../domain/photo.js'
import type { Batch, Queue } from '../../domain/ports/queue.js'
import type { Failure } from '../../domain/ports/repository.js'
import { MINUTE, SECOND } from '../../domain/units.js'
import { outageOf } from '../delivery/outage.js'
import type { FailedPhoto, PostponedPhoto } from './prepare.js'

/** Longest delay of a retry, whatever the number of failures and whatever the server asks for. */
export const MAX_DELAY_MS = 15 * MINUTE

/**
 * Longest delay while the object store is away: the photo is not to blame and should not wait long once the store is
 * back.
 */
export const MAX_OUTAGE_DELAY_MS = MINUTE

/** Tries of a copy that the store refuses while it takes others. */
const MAX_REFUSALS = 12

export interface RetrySettings {
  /** Tries per photo, the first included. */
  maxAttempts: number
  /** Delay before the second try; doubles with every further one. */
  baseMs: number
  /** In [0, 1), for the jitter. */
  random?: () => number
}

export interface RetryCircumstances {
  /** Photos that were not tried. */
  postponed?: readonly PostponedPhoto[]
  storeIsAway?: boolean
  /** In ms since the epoch. */
  now?: number
}

export interface RetryPlan {
  /** Photos to be retried, in batches of their own. */
  again: { batch: Batch; delayMs: number }[]
  /** Photos that failed permanently. */
  forGood: Failure[]
}

/**
 * Stage retry: decides which photos of a batch are retried, and when. Photos whose server named a later moment
 * (Retry-After) do not delay the others. The same failures of the same batch always give batches with the same ids.
 *
 * These count no attempt:
 * - Photos that were not tried, or only without a network. Those of one paused host become due after its pause, together; those of an ending worker at
 *   once. A photo that was postponed for longer than the patience with its host fails instead.
 * - Photos whose copies could not be stored, while the store is away: with delays up to {@link MAX_OUTAGE_DELAY_MS}. While
 *   it takes other copies they fail: at once when it refuses them for good, otherwise after {@link MAX_REFUSALS} tries with
 *   delays up to {@link MAX_DELAY_MS}, about an hour.
 */
export function planRetries(
  batch: Batch,
  tried: readonly FailedPhoto[],
  settings: RetrySettings,
  { postponed = [], storeIsAway = false, now = Date.now() }: RetryCircumstances = {},
): RetryPlan {
  const waitedMs = now - (batch.postponedSince ?? now)
  const [given, untried] = partition(postponed, ({ cause }) => isTooLate(cause, waitedMs))
  const failed = [...tried, ...given.map(({ photo, cause }) => ({ photo, error: (cause as HostPausedError).failure }))]
  const isOfStore = ({ error }: FailedPhoto) => outageOf(error) === 'store'
  const mayBeStored = storeIsAway || (batch.refusals ?? 0) < MAX_REFUSALS
  const [putOff, failures] = partition(
    failed,
    photo => isOfStore(photo) && mayBeStored && (storeIsAway || photo.error.retryable),
  )
  const isAgain = (photo: FailedPhoto) =>
    !isOfStore(photo) && photo.error.retryable && batch.attempt < settings.maxAttempts
  const [retryable, hopeless] = partition(failures, isAgain)
  return {
    again: [
      ...againByItself(batch, retryable, settings),
      ...againAfterOutage(batch, putOff, settings, storeIsAway),
      ...againAfterPause(batch, untried, settings, now),
    ],
    forGood: hopeless.map(({ photo, error }) => ({
      photoId: photo.id,
      code: error.code,
      message: error.message,
      attempts: batch.attempt,
    })),
  }
}

function againByItself(batch: Batch, failed: readonly FailedPhoto[], settings: RetrySettings): RetryPlan['again'] {
  const failures = batch.attempt - 1
  const backoff = backoffOf(settings)
  const ownMs = backoffMs(failures, { ...backoff, jitter: 0 })
  return partition(failed, ({ error }) => (error.retryAfterMs ?? 0) <= ownMs)
    .filter(group => group.length > 0)
    .map(group => ({
      batch: followUp(batch, group, { attempt: batch.attempt + 1 }),
      delayMs: delayMs(failures, backoff, Math.max(0, ...group.map(f => f.error.retryAfterMs ?? 0))),
    }))
}

function againAfterOutage(
  batch: Batch,
  failed: readonly FailedPhoto[],
  settings: RetrySettings,
  storeIsAway: boolean,
): RetryPlan['again'] {
  if (failed.length === 0) return []
  const outages = batch.outages ?? 0
  const backoff = { ...backoffOf(settings), maxMs: storeIsAway ? MAX_OUTAGE_DELAY_MS : MAX_DELAY_MS }
  const refusals = storeIsAway ? {} : { refusals: (batch.refusals ?? 0) + 1 }
  return [{ batch: followUp(batch, failed, { outages: outages + 1, ...refusals }), delayMs: delayMs(outages, backoff) }]
}

/** One batch per paused host, and one per other cause. */
function againAfterPause(
  batch: Batch,
  postponed: readonly PostponedPhoto[],
  settings: RetrySettings,
  now: number,
): RetryPlan['again'] {
  const groups = new Map<string, PostponedPhoto[]>()
  for (const each of postponed) {
    const name = each.cause instanceof HostPausedError ? each.cause.host : each.cause
    groups.set(name, [...(groups.get(name) ?? []), each])
  }
  const postponements = (batch.postponements ?? 0) + 1
  return [...groups.values()].map(group => {
    const pauses = group.map(({ cause }) => (cause instanceof HostPausedError ? cause.ms : 0))
    const pauseMs = Math.max(...pauses)
    if (pauseMs === 0) {
      const backoff = { ...backoffOf(settings), maxMs: MAX_OUTAGE_DELAY_MS }
      const delay = group[0]!.cause === 'no network' ? delayMs(postponements - 1, backoff) : 0
      return { batch: followUp(batch, group, { postponements }), delayMs: delay }
    }
    const postponedSince = batch.postponedSince ?? now
    return {
      batch: followUp(batch, group, { postponements, postponedSince }),
      delayMs: afterPauseMs(pauseMs, settings.random),
    }
  })
}

/**
 * Delay of photos whose host is paused, in [pause, 2 × pause + 1 s]: when the pause of a host ends, a thousand batches
 * must not come back at once.
 */
export function afterPauseMs(pauseMs: number, random: () => number = Math.random): number {
  return Math.round(pauseMs + random() * (pauseMs + SECOND))
}

function isTooLate(cause: PostponedPhoto['cause'], waitedMs: number): boolean {
  return cause instanceof HostPausedError && waitedMs >= cause.patienceMs
}

function backoffOf({ baseMs, random }: RetrySettings): Backoff {
  return { firstMs: baseMs, maxMs: MAX_DELAY_MS, jitter: 0.5, random }
}

function partition<T>(all: readonly T[], isFirst: (one: T) => boolean): [first: T[], second: T[]] {
  return [all.filter(isFirst), all.filter(one => !isFirst(one))]
}

/**
 * Enqueues retries. Safe to repeat: a queued batch stays as it is, and one that had failed in the queue is added
 * again.
 */
export async function scheduleRetries(
  queue: Pick<Queue, 'add' | 'state' | 'remove'>,
  again: RetryPlan['again'],
): Promise<void> {
  for (const { batch, delayMs } of again) {
    if ((await queue.state(batch.id)) === 'failed') await queue.remove([batch.id])
    await queue.add([batch], { delayMs })
  }
}

/** A new batch for some photos of a batch; its id differs from the batch's own even when it holds all of its photos. */
function followUp(
  batch: Batch,
  some: readonly { photo: PhotoRef }[],
  changes: Partial<Pick<Batch, 'attempt' | 'outages' | 'refusals' | 'postponements' | 'postponedSince'>>,
): Batch {
  const next = { ...batch, photos: some.map(({ photo }) => photo), ...changes }
  // The parent is part of the id, so that two runs that ask for the same photo both learn its outcome.
  const outages = next.outages ? ` ${next.outages} outages` : ''
  const postponements = next.postponements ? ` ${next.postponements} postponements` : ''
  return { ...next, id: batchId(next, `${batch.parentId}${outages}${postponements}`) }
}

/**
 * A later Retry-After moves the range of the delay from `[backoff / 2, backoff]` to `[retryAfter, retryAfter +
 * backoff / 2]`.
 */
function delayMs(failures: number, backoff: Backoff, retryAfterMs = 0): number {
  const leastMs = backoffMs(failures, { ...backoff, random: () => 0 })
  const laterMs = Math.max(0, Math.min(retryAfterMs, MAX_DELAY_MS) - leastMs)
  return Math.round(backoffMs(failures, backoff) + laterMs)
}
