import { batchId } from '../domain/batch-id.js'
import type { Batch, Queue } from '../domain/ports/queue.js'
import type { Failure } from '../domain/ports/repository.js'
import { outageOf } from './outage.js'
import type { FailedPhoto } from './prepare.js'

const MINUTE = 60_000

/** However often a photo failed and whatever its server asks for, it is tried again after this long. */
export const MAX_DELAY_MS = 15 * MINUTE

/** The same, while the object store is away: then the photo is not to blame, and shall not wait long once it is back. */
export const MAX_OUTAGE_DELAY_MS = MINUTE

export interface RetrySettings {
  /** Tries of a photo, the first included. */
  maxAttempts: number
  /** Pause before the second try; it doubles with every further one. */
  baseMs: number
  /** In [0, 1), for the jitter. */
  random?: () => number
}

export interface RetryPlan {
  /** Photos to be tried again, in batches of their own. */
  again: { batch: Batch; delayMs: number }[]
  /** Photos that have failed for good. */
  forGood: Failure[]
}

/**
 * Stage retry: which photos of a batch are tried again, and when. Photos whose server named a later moment (Retry-After)
 * do not hold up the others. Photos whose copies could not be stored are tried without end, and their attempts are not
 * counted: with pauses up to {@link MAX_OUTAGE_DELAY_MS} while the store is away, up to {@link MAX_DELAY_MS} while it
 * refuses them alone. The same failures of the same batch always give batches with the same ids.
 */
export function planRetries(
  batch: Batch,
  failed: readonly FailedPhoto[],
  settings: RetrySettings,
  { storeIsAway = false } = {},
): RetryPlan {
  const isPutOff = ({ error }: FailedPhoto) => outageOf(error) !== null
  const isAgain = (photo: FailedPhoto) =>
    !isPutOff(photo) && photo.error.retryable && batch.attempt < settings.maxAttempts
  const backoffMs = Math.min(settings.baseMs * 2 ** (batch.attempt - 1), MAX_DELAY_MS)
  const isToldToWait = ({ error }: FailedPhoto) => (error.retryAfterMs ?? 0) > backoffMs
  const retryable = failed.filter(isAgain)
  const groups = [retryable.filter(f => !isToldToWait(f)), retryable.filter(isToldToWait)]
  const putOff = failed.filter(isPutOff)
  const outages = batch.outages ?? 0
  const outageMs = Math.min(settings.baseMs * 2 ** outages, storeIsAway ? MAX_OUTAGE_DELAY_MS : MAX_DELAY_MS)
  return {
    again: [
      ...groups
        .filter(group => group.length > 0)
        .map(group => ({
          batch: followUp(batch, group, { attempt: batch.attempt + 1 }),
          delayMs: delay(backoffMs, Math.max(0, ...group.map(f => f.error.retryAfterMs ?? 0)), settings.random),
        })),
      ...(putOff.length > 0
        ? [
            {
              batch: followUp(batch, putOff, { outages: outages + 1 }),
              delayMs: delay(outageMs, 0, settings.random),
            },
          ]
        : []),
    ],
    forGood: failed
      .filter(f => !isAgain(f) && !isPutOff(f))
      .map(({ photo, error }) => ({
        photoId: photo.id,
        code: error.code,
        message: error.message,
        attempts: batch.attempt,
      })),
  }
}

/** Safe to repeat: a batch that is in the queue already stays as it is, one that had failed there gets another life. */
export async function scheduleRetries(
  queue: Pick<Queue, 'add' | 'state' | 'remove'>,
  again: RetryPlan['again'],
): Promise<void> {
  for (const { batch, delayMs } of again) {
    if ((await queue.state(batch.id)) === 'failed') await queue.remove([batch.id])
    await queue.add([batch], { delayMs })
  }
}

/** A batch of its own for some photos of a batch; its id tells it from the batch itself, should that hold no others. */
function followUp(
  batch: Batch,
  failed: readonly FailedPhoto[],
  changes: { attempt: number } | { outages: number },
): Batch {
  const next = { ...batch, photos: failed.map(f => f.photo), ...changes }
  // The parent is part of the id: two runs that ask for the same photo each learn what became of it.
  const outages = next.outages ? ` ${next.outages} outages` : ''
  return { ...next, id: batchId(next, `${batch.parentId}${outages}`) }
}

/** Equal jitter: half of the backoff, and up to the other half on top, so that photos that failed together spread out. */
function delay(backoffMs: number, retryAfterMs: number, random = Math.random): number {
  const least = Math.max(backoffMs / 2, Math.min(retryAfterMs, MAX_DELAY_MS))
  return Math.round(least + random() * (backoffMs / 2))
}
