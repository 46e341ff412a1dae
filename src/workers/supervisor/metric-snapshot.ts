import type { MetricObjectWithValues, MetricValue } from 'prom-client'

/** The /metrics of one process, as data, one value per set of labels. */
export type MetricSnapshot = MetricObjectWithValues<LabelledValue>[]

/** Values of a histogram have their own names: `…_bucket`, `…_sum`, `…_count`. */
type LabelledValue = MetricValue<string> & { metricName?: string }

/** Prefix of this program's metrics; those of Node and of the process have others. */
export const PREFIX = 'unsplash_clip_'

/** Merges several processes: adds values with equal labels, so values to be kept apart carry a process label. */
export function mergeSnapshots(...snapshots: readonly MetricSnapshot[]): MetricSnapshot {
  const metrics = new Map<string, { metric: MetricSnapshot[number]; values: Map<string, LabelledValue> }>()
  for (const metric of snapshots.flat()) {
    const merged = metrics.get(metric.name) ?? { metric, values: new Map<string, LabelledValue>() }
    metrics.set(metric.name, merged)
    for (const value of metric.values) {
      const key = JSON.stringify([value.metricName, Object.entries(value.labels).sort()])
      const before = merged.values.get(key)
      merged.values.set(key, before ? { ...before, value: before.value + value.value } : value)
    }
  }
  return [...metrics.values()].map(({ metric, values }) => ({ ...metric, values: [...values.values()] }))
}

/**
 * The counters of an ended process. Without them the sum of all processes would fall at a restart, which Prometheus
 * takes for a counter that restarted from zero.
 */
export function keepCounters(snapshot: MetricSnapshot): MetricSnapshot {
  return snapshot.filter(({ name, type }) => name.startsWith(PREFIX) && COUNTING.has(String(type)))
}

const COUNTING = new Set(['counter', 'histogram'])
