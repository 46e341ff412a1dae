import { Gauge, Registry } from 'prom-client'
import type { MetricSnapshot } from '../workers/supervisor/metric-snapshot.js'
import type { Health } from './health.js'

/** Reports the answer of /readyz as a metric, for alerts where nothing else watches readiness. */
export class HealthMetrics {
  readonly #registry = new Registry()

  constructor(ready: () => Promise<Health>) {
    new Gauge({
      name: 'unsplash_clip_ready',
      help: 'Whether /readyz answers 200: the endpoint takes work now, and all services respond.',
      registers: [this.#registry],
      async collect() {
        this.set((await ready()).ok ? 1 : 0)
      },
    })
  }

  async snapshot(): Promise<MetricSnapshot> {
    return (await this.#registry.getMetricsAsJSON()) as MetricSnapshot
  }
}
