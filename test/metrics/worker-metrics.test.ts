import { expect, test } from 'vitest'
import { PHOTO_FAILURES, type PhotoFailureCode } from '../../src/domain/errors.js'
import type { PromptAnswer, PromptRequests } from '../../src/domain/ports/prompts.js'
import { WorkerMetrics, zeroCounters } from '../../src/metrics/worker-metrics.js'
import { STAGES } from '../../src/workers/stages/stage-clock.js'
import { keepCounters, type MetricSnapshot } from '../../src/workers/supervisor/metric-snapshot.js'
import { noStats, type WorkerDeps } from '../../src/workers/worker.js'
import { FakeRepository } from '../workers/fakes.js'

test('prompts that were answered are counted by outcome, those that could not be stored are not', async () => {
  const metrics = new WorkerMetrics({ model: 'test@fp32', concurrency: 1, labelledByPid: false })
  let away = false
  const answered: PromptAnswer[] = []
  const prompts = {
    answer: async (answers: readonly PromptAnswer[]) => {
      if (away) throw new Error('away')
      answered.push(...answers)
    },
  } as unknown as PromptRequests
  const observed = metrics.observing({ repository: new FakeRepository(), prompts } as unknown as WorkerDeps).prompts!
  const answers = [
    { id: 1, embedding: Float32Array.of(1) },
    { id: 2, problem: 'why' },
    { id: 3, embedding: Float32Array.of(1) },
  ]
  await observed.answer(answers)
  away = true
  await expect(observed.answer(answers)).rejects.toThrow('away')
  expect(answered).toEqual(answers)
  const counted = (await metrics.snapshot()).find(({ name }) => name === 'unsplash_clip_prompts_total')
  expect(counted!.values.map(({ labels, value }) => [labels.outcome, value])).toEqual([
    ['embedded', 2],
    ['failed', 1],
  ])
})

/** All series of a snapshot, as Prometheus writes them, with their values. */
const series = (snapshot: MetricSnapshot) =>
  new Map(
    snapshot.flatMap(({ name, values }) =>
      values.map(({ metricName, labels, value }) => [
        `${metricName ?? name}${JSON.stringify(Object.entries(labels).sort())}`,
        value,
      ]),
    ),
  )
const start = () => new WorkerMetrics({ model: 'test@fp32', concurrency: 1, labelledByPid: false })

test('work adds no series: every value of a label is there before the first count, counters at 0', async () => {
  const metrics = start()
  const before = await metrics.snapshot()
  const counters = keepCounters(before)
  expect(counters.length).toBeGreaterThan(6)
  for (const { name, values } of counters) {
    expect(values.length, name).toBeGreaterThan(0)
    for (const { value } of values) expect(value, name).toBe(0)
  }

  const observed = metrics.observing({
    repository: new FakeRepository(),
    prompts: { answer: async () => {} },
  } as unknown as WorkerDeps)
  const codes = [...Object.keys(PHOTO_FAILURES), 'HTTP_404', 'HTTP_418', 'HTTP_503', 'HTTP_499', 'HTTP_530', 'HTTP_999']
  const failures = codes.map((code, at) => ({
    photoId: String(at),
    code: code as PhotoFailureCode,
    message: '',
    attempts: 1,
  }))
  await observed.repository.recordOutcome({ parentId: 'p', modelId: 1, embedded: [], labelSets: [], failures })
  await observed.prompts!.answer([
    { id: 1, embedding: Float32Array.of(1) },
    { id: 2, problem: 'why' },
  ])
  for (const stage of STAGES) observed.onStage!(stage, 1)
  metrics.follow({ stats: noStats, photosInHand: () => 3, isAway: () => true })

  const after = series(await metrics.snapshot())
  const own = (names: Iterable<string>) => [...names].filter(name => name.startsWith('unsplash_clip_')).sort()
  expect(own(after.keys())).toEqual(own(series(before).keys()))
  const failed = (code: string) => after.get(`unsplash_clip_photos_failed_total${JSON.stringify([['code', code]])}`)
  expect(failed('HTTP_404')).toBe(1)
  expect([failed('HTTP_4xx'), failed('HTTP_5xx'), failed('HTTP_other')]).toEqual([1, 1, 1])
})

test('a supervisor has the same counters at 0 before its first process has started', async () => {
  const counters = series(await zeroCounters('test@fp32'))
  const metrics = await start().snapshot()
  expect([...counters.keys()].sort()).toEqual([...series(keepCounters(metrics)).keys()].sort())
  expect(new Set(counters.values())).toEqual(new Set([0]))
})
