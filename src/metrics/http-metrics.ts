import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { MetricSnapshot } from '../workers/supervisor/metric-snapshot.js'

const BUCKETS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30]

/** Metrics of the HTTP API, and of its process. */
export class HttpMetrics {
  readonly #registry = new Registry()
  readonly #requests: Counter
  readonly #seconds: Histogram
  readonly #open: Gauge

  constructor() {
    const registers = [this.#registry]
    collectDefaultMetrics({ register: this.#registry })
    this.#requests = new Counter({
      name: 'unsplash_clip_http_requests_total',
      help: 'Answered requests, by endpoint and status. Paths without an endpoint count as "none".',
      labelNames: ['method', 'route', 'status'],
      registers,
    })
    this.#seconds = new Histogram({
      name: 'unsplash_clip_http_request_seconds',
      help: 'Time from a request to the end of its answer, by endpoint.',
      labelNames: ['method', 'route'],
      buckets: BUCKETS,
      registers,
    })
    this.#open = new Gauge({
      name: 'unsplash_clip_http_requests_open',
      help: 'Requests that are not answered yet.',
      registers,
    })
  }

  begun(): void {
    this.#open.inc()
  }

  answered(method: string, route: string, status: number, seconds: number): void {
    this.#requests.inc({ method, route, status: String(status) })
    this.#seconds.observe({ method, route }, seconds)
  }

  ended(): void {
    this.#open.dec()
  }

  async snapshot(): Promise<MetricSnapshot> {
    const metrics = (await this.#registry.getMetricsAsJSON()) as MetricSnapshot
    return metrics.map(metric => ({ ...metric, values: metric.values.filter(({ value }) => Number.isFinite(value)) }))
  }
}
