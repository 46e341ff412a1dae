import type { Batch, BatchState, Queue } from '../../domain/ports/queue.js'
import { type OnWait, throwIfStopped, waitUnlessStopped } from './wait-reason.js'

const POLL_MS = 200
/** Polls before the wait is reported. */
const QUIET_LOOKS = 10

export interface PutOptions {
  /**
   * Ids of batches that a worker has parked or dropped. One that is still active is about to leave the queue: in a
   * moment, or, if its worker died, when its lock expires.
   */
  leaving: ReadonlySet<string>
  onWait: OnWait
  signal?: AbortSignal
  pollMs?: number
}

/**
 * Adds the batches that are not in the queue. Adds one again that failed every attempt there; waits for one that is
 * about to leave the queue.
 * @returns ids of the added batches
 * @throws AppError INTERRUPTED, QUEUE_UNREACHABLE
 */
export async function putIntoQueue(
  queue: Pick<Queue, 'states' | 'remove' | 'add'>,
  batches: readonly Batch[],
  { leaving, onWait, signal, pollMs = POLL_MS }: PutOptions,
): Promise<Set<string>> {
  const added = new Set<string>()
  let rest = batches
  for (let look = 1; rest.length > 0; look++) {
    throwIfStopped(signal)
    const states = await queue.states(rest.map(batch => batch.id))
    const inState = (state: BatchState) => rest.filter(batch => states.get(batch.id) === state)
    const failed = inState('failed')
    if (failed.length > 0) await queue.remove(failed.map(batch => batch.id))
    const missing = [...inState('absent'), ...failed]
    if (missing.length > 0) await queue.add(missing)
    for (const { id } of missing) added.add(id)
    rest = inState('active').filter(batch => leaving.has(batch.id))
    if (rest.length === 0) {
      if (look > QUIET_LOOKS) onWait(null)
      break
    }
    if (look === QUIET_LOOKS)
      onWait({
        kind: 'leaving',
        message: `${rest.length} batches are still in the hands of workers that let go of them.`,
      })
    await waitUnlessStopped(pollMs, signal)
  }
  return added
}
