import { setImmediate } from 'node:timers/promises'

/** Longest time for which work in one piece keeps signals waiting. */
const PIECE_MS = 50

/** For long loops: `await breath()` now and then lets the event loop turn every 50 ms, and throws the reason of a signal. */
export function breather(signal?: AbortSignal): () => Promise<void> | undefined {
  let last = performance.now()
  return () => {
    signal?.throwIfAborted()
    if (performance.now() - last < PIECE_MS) return undefined
    return setImmediate().then(() => {
      last = performance.now()
      signal?.throwIfAborted()
    })
  }
}
