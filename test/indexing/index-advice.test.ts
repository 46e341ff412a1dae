import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { IndexFacts } from '../../src/domain/ports/index-repository.js'
import { MEBIBYTE } from '../../src/domain/units.js'
import { planIndex } from '../../src/indexing/build-index.js'
import { advise } from '../../src/indexing/index-advice.js'

const PLACE = { embedded: false, url: 'postgresql://127.0.0.1/test' }
const factsOf = (photos: number, dimension: number): IndexFacts => ({
  photos,
  dimension,
  maintenanceWorkMem: 64 * MEBIBYTE,
  sharedBuffers: 128 * MEBIBYTE,
  maxParallelWorkers: 2,
})
const photos = fc.integer({ min: 0, max: 10_000_000 })
const dimension = fc.integer({ min: 64, max: 2000 })

describe('the advice on an index', () => {
  test('is exact search up to 50,000 photos of 512 numbers', () => {
    expect([0, 1, 700, 50_000, 50_001, 1_000_000].map(count => advise(factsOf(count, 512)).method)).toEqual([
      'exact',
      'exact',
      'exact',
      'exact',
      'index',
      'index',
    ])
  })

  test('names one limit for a model, however many photos there are', () => {
    fc.assert(
      fc.property(photos, photos, dimension, (some, others, numbers) => {
        expect(advise(factsOf(some, numbers)).exactUpTo).toBe(advise(factsOf(others, numbers)).exactUpTo)
      }),
    )
  })

  test('stays an index when there are more photos or longer embeddings', () => {
    fc.assert(
      fc.property(photos, photos, dimension, dimension, (some, more, numbers, longer) => {
        if (advise(factsOf(some, numbers)).method === 'index')
          expect(advise(factsOf(some + more, Math.max(numbers, longer))).method).toBe('index')
      }),
    )
  })

  test('is what a build without options follows', () => {
    fc.assert(
      fc.property(photos, dimension, (count, numbers) => {
        const facts = factsOf(count, numbers)
        const plan = planIndex(PLACE, facts, { memory: 4096 * MEBIBYTE })
        expect(plan === null).toBe(advise(facts).method === 'exact')
      }),
    )
  })
})
