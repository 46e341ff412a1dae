import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { MetricSnapshot } from '../workers/supervisor/metric-snapshot.js'

export interface SupervisedProcesses {
  /** Number of processes that should work. */
  processes: number
  /** Number of processes that do. */
  working: number
  /** Restarts of crashed processes. */
  restarts: number
}

/** Metrics of a supervisor, in addition to the sum of its worker processes. */
export class SupervisorMetrics {
  readonly #registry = new Registry()

  constructor(supervised: SupervisedProcesses) {
    const registers = [this.#registry]
    collectDefaultMetrics({ register: this.#registry, labels: { pid: String(process.pid) } })
    new Gauge({
      name: 'unsplash_clip_worker_processes',
      help: 'Worker processes: those that should work, and those that do.',
      labelNames: ['state'],
      registers,
      collect() {
        this.set({ state: 'wanted' }, supervised.processes)
        this.set({ state: 'working' }, supervised.working)
      },
    })
    new Counter({
      name: 'unsplash_clip_worker_restarts_total',
      help: 'Worker processes that crashed and were replaced.',
      registers,
      collect() {
        this.reset()
        this.inc(supervised.restarts)
      },
    })
  }

  async snapshot(): Promise<MetricSnapshot> {
    const metrics = (await this.#registry.getMetricsAsJSON()) as MetricSnapshot
    return metrics.map(metric => ({ ...metric, values: metric.values.filter(({ value }) => Number.isFinite(value)) }))
  }
}
