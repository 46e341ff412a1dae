import type { MetricObjectWithValues, MetricValue } from 'prom-client'

/** What one process would show on /metrics, as data. Values that differ in their labels stand side by side. */
export type MetricSnapshot = MetricObjectWithValues<LabelledValue>[]

/** Those of a histogram have names of their own: `…_bucket`, `…_sum`, `…_count`. */
type LabelledValue = MetricValue<string> & { metricName?: string }

/** Of the project's own metrics; those of Node and of the process have others. */
export const PREFIX = 'unsplash_clip_'

/** Several processes as one: values with the same labels are added, so what must stay apart has a label of its process. */
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
 * What stays of a process that has ended: what it had counted. Without it the sum of all processes would fall when one is
 * replaced, and a counter that falls counts as begun anew, from zero.
 */
export function keepCounters(snapshot: MetricSnapshot): MetricSnapshot {
  return snapshot.filter(({ name, type }) => name.startsWith(PREFIX) && COUNTING.has(String(type)))
}

const COUNTING = new Set(['counter', 'histogram'])
