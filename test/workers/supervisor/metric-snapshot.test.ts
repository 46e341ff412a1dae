import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { keepCounters, type MetricSnapshot, mergeSnapshots } from '../../../src/workers/supervisor/metric-snapshot.js'

/** What a process would tell: `embedded` photos, one pass of `seconds` through a stage, a gauge. */
async function process(pid: string, embedded: number, seconds: number): Promise<MetricSnapshot> {
  const registers = [new Registry()]
  new Counter({ name: 'unsplash_clip_photos_total', help: 'photos', registers }).inc(embedded)
  new Histogram({ name: 'unsplash_clip_stage_seconds', help: 's', labelNames: ['stage'], buckets: [1, 10], registers })
    .labels('encode')
    .observe(seconds)
  new Gauge({ name: 'unsplash_clip_in_hand', help: 'in hand', registers }).set(3)
  new Gauge({ name: 'process_bytes', help: 'memory', labelNames: ['pid'], registers }).set({ pid }, 100)
  return (await registers[0]!.getMetricsAsJSON()) as MetricSnapshot
}

const values = (snapshot: MetricSnapshot, name: string) =>
  snapshot
    .find(metric => metric.name === name)
    ?.values.map(({ metricName, labels, value }) => [metricName ?? name, labels, value])

test('processes are added up; what carries the id of a process stays apart', async () => {
  const both = mergeSnapshots(await process('1', 10, 0.5), await process('2', 5, 7))
  expect(values(both, 'unsplash_clip_photos_total')).toEqual([['unsplash_clip_photos_total', {}, 15]])
  expect(values(both, 'unsplash_clip_in_hand')).toEqual([['unsplash_clip_in_hand', {}, 6]])
  expect(values(both, 'process_bytes')).toEqual([
    ['process_bytes', { pid: '1' }, 100],
    ['process_bytes', { pid: '2' }, 100],
  ])
  expect(values(both, 'unsplash_clip_stage_seconds')).toEqual([
    ['unsplash_clip_stage_seconds_bucket', { le: 1, stage: 'encode' }, 1],
    ['unsplash_clip_stage_seconds_bucket', { le: 10, stage: 'encode' }, 2],
    ['unsplash_clip_stage_seconds_bucket', { le: '+Inf', stage: 'encode' }, 2],
    ['unsplash_clip_stage_seconds_sum', { stage: 'encode' }, 7.5],
    ['unsplash_clip_stage_seconds_count', { stage: 'encode' }, 2],
  ])
})

test('of a process that has ended what it counted stays, and not how it was', async () => {
  const left = keepCounters(await process('1', 10, 0.5))
  expect(left.map(({ name }) => name)).toEqual(['unsplash_clip_photos_total', 'unsplash_clip_stage_seconds'])
})

test('nothing is changed by merging', async () => {
  const one = await process('1', 10, 0.5)
  const before = structuredClone(one)
  mergeSnapshots(one, one)
  expect(one).toEqual(before)
  expect(mergeSnapshots()).toEqual([])
})
