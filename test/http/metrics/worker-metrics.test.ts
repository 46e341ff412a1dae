import { expect, test } from 'vitest'
import type { PromptAnswer, PromptRequests } from '../../../src/domain/ports/prompts.js'
import { WorkerMetrics } from '../../../src/http/metrics/worker-metrics.js'
import type { WorkerDeps } from '../../../src/workers/worker.js'
import { FakeRepository } from '../../workers/batch/fakes.js'

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
