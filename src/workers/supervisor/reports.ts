import type { ProcessReport } from './messages.js'
import { keepCounters, mergeSnapshots } from './metric-snapshot.js'

/** Sum of two processes. */
export function addReports(a: ProcessReport, b: ProcessReport): ProcessReport {
  return { stats: addCounts(a.stats, b.stats), metrics: mergeSnapshots(a.metrics ?? [], b.metrics ?? []) }
}

/** Totals of an ended process, without its current state. */
export function lastReport({ stats, metrics }: ProcessReport): ProcessReport {
  return { stats, metrics: keepCounters(metrics ?? []) }
}

/** Adds the numbers of two records of the same shape, at any depth. */
function addCounts<T extends object>(a: T, b: T): T {
  const sum = { ...a } as Record<string, unknown>
  for (const [key, value] of Object.entries(b)) {
    const before = sum[key]
    if (typeof value === 'number') sum[key] = (typeof before === 'number' ? before : 0) + value
    else if (typeof value === 'object' && value !== null) sum[key] = addCounts((before ?? {}) as object, value)
  }
  return sum as T
}
