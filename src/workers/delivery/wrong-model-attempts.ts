import { setTimeout as pause } from 'node:timers/promises'
import { SECOND } from '../../domain/units.js'

/**
 * Uncounted attempts per batch and worker: among many wrong workers, one right worker is missed in 1 of e¹⁰ = 22,000
 * batches.
 */
const UNCOUNTED_ATTEMPTS = 10
const MAX_BATCHES = 10_000

/**
 * Counts deliveries of batches whose model this worker does not know, cannot load, or has in another revision, or whose
 * folder it cannot read. The
 * first ones do not count as attempts, and each is held for a moment: otherwise a wrong worker, during a deployment,
 * would drain the queue and use up all attempts before a right worker gets a batch.
 */
export class WrongModelAttempts {
  readonly #byBatch = new Map<string, number>()

  constructor(private readonly holdMs = 5 * SECOND) {}

  /** @returns whether this attempt counts; resolves early when the signal is aborted */
  async counts(batchId: string, signal: AbortSignal): Promise<boolean> {
    await pause(this.holdMs, undefined, { signal }).catch(() => {})
    if (this.#byBatch.size >= MAX_BATCHES) this.#byBatch.clear()
    const before = this.#byBatch.get(batchId) ?? 0
    this.#byBatch.set(batchId, before + 1)
    return before >= UNCOUNTED_ATTEMPTS
  }
}
