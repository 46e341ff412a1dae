import { describe, expect, test } from 'vitest'

const { ceilings, describeLimit, stagesOf } = await import(
  new URL('../../bench/support/gpu/limit.mjs', import.meta.url).href
)
const { summarise } = await import(new URL('../../bench/support/gpu/watch.mjs', import.meta.url).href)

/** 16 cores, on which 3,200 photos/s are decoded; a GPU that takes 8,000 images/s. */
const ALONE = {
  cores: 16,
  decode: { photosPerSecond: 3200, coreMs: 5 },
  encoder: { imagesPerSecond: 8000, coreMs: 0.5 },
}
const RUN = {
  provider: 'cuda',
  processes: 4,
  photosPerSecond: 2000,
  coreMs: { workers: 7, supervisor: 0, 'photo server': 0.2, Postgres: 0.5, Redis: 0.2, benchmark: 0.1 },
  mainThreads: 0.4,
  writeMs: 0.4,
}

describe('the limit of a worker', () => {
  test('is the CPU where all work takes more of it than there is, and names the stage that takes most', () => {
    expect(ceilings(RUN, ALONE).map(({ name }: { name: string }) => name)).toEqual([
      'The CPU',
      'The main thread of the worker processes',
      'The download (photo server)',
      'The GPU',
      'The database',
    ])
    expect(describeLimit(RUN, ALONE)).toEqual([
      'The CPU limits: a photo takes 8 core ms on 16 cores, most of them for decoding and copying (5). Its ceiling is 2,000 photos/s; the next one is 5,000, 2.5 times as high (the main thread of the worker processes).',
      'The worker reached 2,000 photos/s, 100 % of its ceiling.',
      'Decoding and copying alone: 3,200 photos/s on 16 cores, 0.4 times what the encoder alone takes (8,000 images/s).',
    ])
  })

  test('is the GPU where the cores could do more, and the encoder on the provider cpu', () => {
    const slow = { ...ALONE, encoder: { imagesPerSecond: 1500, coreMs: 0.5 } }
    const run = { ...RUN, photosPerSecond: 1400 }
    expect(describeLimit(run, slow)[0]).toBe(
      'The GPU limits. Its ceiling is 1,500 photos/s; the next one is 2,000, 1.33 times as high (the CPU).',
    )
    expect(describeLimit({ ...run, provider: 'cpu' }, slow)[0]).toMatch(/^The encoder limits\. /)
  })

  test('is the database where writing takes the time of every process', () => {
    const run = { ...RUN, photosPerSecond: 900, writeMs: 4 }
    expect(describeLimit(run, ALONE)[0]).toMatch(/^The database limits\. Its ceiling is 1,000 photos\/s; /)
  })

  test('is no part where none is used up', () => {
    const [, reached] = describeLimit({ ...RUN, photosPerSecond: 1000 }, ALONE)
    expect(reached).toMatch(/50 % of its ceiling\. No part is used up/)
  })

  test('is never below what was measured', () => {
    expect(ceilings({ ...RUN, photosPerSecond: 2500 }, ALONE)[0].photosPerSecond).toBe(2500)
  })
})

test('the stages of a worker add up to its core time', () => {
  const stages: Record<string, number> = stagesOf(RUN, ALONE)
  expect(Object.values(stages).reduce((a, b) => a + b)).toBeCloseTo(8)
  expect(stages['the rest of the workers']).toBe(1.5)
})

test('samples of a GPU are summarised, and what its driver does not tell is left out', () => {
  const samples = ['90, 4000, 300.5', '70, 5000, 250.5', '80, 4500, [N/A]'].map(line => line.split(',').map(Number))
  expect(summarise(samples)).toEqual({ busy: 80, memoryMib: 5000, watts: 275.5 })
  expect(summarise([])).toEqual({ busy: null, memoryMib: null, watts: null })
})
