import { setTimeout as pause } from 'node:timers/promises'
import { Gauge, Registry } from 'prom-client'
import type { QueueCounts } from '../domain/ports/queue.js'
import { SECOND } from '../domain/units.js'
import type { MetricSnapshot } from '../workers/supervisor/metric-snapshot.js'

/** Lifetime of cached counts: frequent scrapes cost the queue one request in this time. */
const KEPT_MS = 5 * SECOND
/** A queue that hangs must not keep the other metrics from a scrape, which Prometheus gives up after 10 s. */
const ANSWER_WITHIN_MS = 3 * SECOND

/**
 * Reports the length of the queue on demand. While the queue is unreachable there are no values instead of old ones.
 */
export class QueueMetrics {
  readonly #registry = new Registry()
  #asked: { atMs: number; counts: Promise<QueueCounts | null> } | undefined

  /** @param queue name of the queue: workers of one Prometheus may serve several */
  constructor(
    queue: string,
    private readonly counts: () => Promise<QueueCounts>,
    private readonly answerWithinMs = ANSWER_WITHIN_MS,
  ) {
    const latest = () => this.#latest()
    new Gauge({
      name: 'unsplash_clip_queue_batches',
      help: 'Batches in the queue: waiting, active (in progress), delayed (retried later), failed (given up).',
      labelNames: ['queue', 'state'],
      registers: [this.#registry],
      async collect() {
        const counts = await latest()
        this.reset()
        if (counts === null) return
        for (const state of ['waiting', 'active', 'delayed', 'failed'] as const)
          this.set({ queue, state }, counts[state])
      },
    })
  }

  async snapshot(): Promise<MetricSnapshot> {
    return (await this.#registry.getMetricsAsJSON()) as MetricSnapshot
  }

  #latest(): Promise<QueueCounts | null> {
    if (!this.#asked || Date.now() - this.#asked.atMs > KEPT_MS) this.#asked = { atMs: Date.now(), counts: this.#ask() }
    return this.#asked.counts
  }

  async #ask(): Promise<QueueCounts | null> {
    const done = new AbortController()
    const late = pause(this.answerWithinMs, null, { signal: done.signal }).catch(() => null)
    try {
      return await Promise.race([this.counts(), late])
    } catch {
      return null
    } finally {
      done.abort()
    }
  }
}
