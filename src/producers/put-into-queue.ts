import type { Batch, BatchState, Queue } from '../domain/ports/queue.js'
import { type OnHold, throwIfStopped, waitUnlessStopped } from './hold.js'

const POLL_MS = 200
/** Looks after which it is said what is waited for. */
const QUIET_LOOKS = 10

export interface PutOptions {
  /**
   * Ids of batches that a worker has parked or let go of. One that is still in its hands is not on its way, however much it
   * looks like it: it leaves the queue in a moment, or, should its worker have died, when its lock expires.
   */
  leaving: ReadonlySet<string>
  onHold: OnHold
  signal?: AbortSignal
  pollMs?: number
}

/**
 * Adds batches to the queue that are not in it. One that failed every attempt there gets another life; one that is leaving
 * is waited for.
 * @returns ids of those that were added
 * @throws AppError INTERRUPTED, QUEUE_UNREACHABLE
 */
export async function putIntoQueue(
  queue: Pick<Queue, 'states' | 'remove' | 'add'>,
  batches: readonly Batch[],
  { leaving, onHold, signal, pollMs = POLL_MS }: PutOptions,
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
      if (look > QUIET_LOOKS) onHold(null)
      break
    }
    if (look === QUIET_LOOKS)
      onHold({
        kind: 'leaving',
        message: `${rest.length} batches are still in the hands of workers that let go of them.`,
      })
    await waitUnlessStopped(pollMs, signal)
  }
  return added
}
