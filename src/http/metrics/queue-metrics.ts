import { Gauge, Registry } from 'prom-client'
import type { QueueCounts } from '../../domain/ports/queue.js'
import type { MetricSnapshot } from './snapshot.js'

/** Several Prometheus servers, or one that asks often, cost the queue one question in this time. */
const KEPT_MS = 5000

/** How full the queue is, asked when somebody looks. While it cannot be asked there are no values, rather than old ones. */
export class QueueMetrics {
  readonly #registry = new Registry()
  #asked: { atMs: number; counts: Promise<QueueCounts | null> } | undefined

  constructor(private readonly counts: () => Promise<QueueCounts>) {
    const latest = () => this.#latest()
    new Gauge({
      name: 'unsplash_clip_queue_batches',
      help: 'Batches in the queue: waiting, active (in work), delayed (tried again later), failed (given up).',
      labelNames: ['state'],
      registers: [this.#registry],
      async collect() {
        const counts = await latest()
        this.reset()
        if (counts === null) return
        for (const state of ['waiting', 'active', 'delayed', 'failed'] as const) this.set({ state }, counts[state])
      },
    })
  }

  async snapshot(): Promise<MetricSnapshot> {
    return (await this.#registry.getMetricsAsJSON()) as MetricSnapshot
  }

  #latest(): Promise<QueueCounts | null> {
    if (!this.#asked || Date.now() - this.#asked.atMs > KEPT_MS)
      this.#asked = { atMs: Date.now(), counts: this.counts().catch(() => null) }
    return this.#asked.counts
  }
}
