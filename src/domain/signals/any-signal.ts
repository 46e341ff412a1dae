import { setMaxListeners } from 'node:events'
import { type ClearableSignal, anySignal as combine } from 'any-signal'

/**
 * A signal that the first of several aborts, with its reason. Call its `clear` when its work has ended, which takes it off
 * the others: on Node 20 a signal remembers each `AbortSignal.any` that came from it, so that the signal of a process
 * would keep some bytes of every photo and request.
 */
export function anySignal(signals: readonly (AbortSignal | undefined)[]): ClearableSignal {
  const given = signals.filter(signal => signal !== undefined)
  // As many listen as work is under way. Node takes more than ten listeners for a leak.
  setMaxListeners(0, ...given)
  return combine(given)
}
