import { setTimeout as pause } from 'node:timers/promises'

const SECOND = 1000
/** Of one batch by one worker. With ten, one right worker among many wrong ones is missed once in e¹⁰ = 22,000 batches. */
const UNCOUNTED = 10
const MAX_BATCHES = 10_000

/**
 * Batches for a model that this worker does not know, has other files of, or cannot load. It leaves each to others some
 * times before its refusals count as attempts, and keeps each in hand for a moment: else a wrong worker, during a
 * deployment, would go through the whole queue and use up all attempts before the right one had its turn.
 */
export class Refusals {
  readonly #byBatch = new Map<string, number>()

  constructor(private readonly holdMs = 5 * SECOND) {}

  /** @returns whether this refusal of the batch counts; no later than the signal is aborted */
  async counts(batchId: string, signal: AbortSignal): Promise<boolean> {
    await pause(this.holdMs, undefined, { signal }).catch(() => {})
    if (this.#byBatch.size >= MAX_BATCHES) this.#byBatch.clear()
    const before = this.#byBatch.get(batchId) ?? 0
    this.#byBatch.set(batchId, before + 1)
    return before >= UNCOUNTED
  }
}
