import { describe, expect, test } from 'vitest'
import type { VectorPage, VectorRepository } from '../../src/domain/ports/vectors/vector-repository.js'
import { dot, normalise } from '../../src/domain/similarity.js'
import { diversePhotos } from '../../src/exports/selection/diverse.js'
import { randomNumbers } from '../support/random-numbers.js'

const DIMENSION = 7

/** Photos in memory, in pages of three. */
function inMemory(vectors: ReadonlyMap<string, Float32Array>): VectorRepository {
  const ids = [...vectors.keys()]
  return {
    count: async () => ids.length,
    async *read() {
      for (let from = 0; from < ids.length; from += 3) {
        const some = ids.slice(from, from + 3)
        const page: VectorPage = {
          ids: some,
          vectors: Float32Array.from(some.flatMap(id => [...vectors.get(id)!])),
          dimension: DIMENSION,
          storedKeys: some.map(() => null),
          photos: some.map(() => ({})),
          labels: some.map(() => ({})),
        }
        yield page
      }
    },
  }
}

describe('A diverse subset', () => {
  const random = randomNumbers(5)
  const vectors = new Map(
    Array.from({ length: 50 }, (_, i) => [`photo-${i}`, normalise(Array.from({ length: DIMENSION }, random))]),
  )
  const similarity = (a: string, b: string): number => dot(vectors.get(a)!, vectors.get(b)!)
  const choose = (count: number, candidates?: number, seed = 0) =>
    diversePhotos(inMemory(vectors), { modelId: 1 }, { count, seed, candidates, signal: new AbortController().signal })

  test('has at each step the photo that is least similar to those before it', async () => {
    const chosen = await choose(20)
    expect(new Set(chosen).size).toBe(20)
    for (let n = 1; n < chosen.length; n++) {
      const before = chosen.slice(0, n)
      const nearest = (id: string) => Math.max(...before.map(other => similarity(id, other)))
      const least = Math.min(...[...vectors.keys()].filter(id => !before.includes(id)).map(nearest))
      expect(nearest(chosen[n]!)).toBeCloseTo(least, 6)
    }
  })

  test('begins with the photo nearest to the mean, and is the same each time', async () => {
    const mean = Array.from({ length: DIMENSION }, (_, j) => [...vectors.values()].reduce((sum, v) => sum + v[j]!, 0))
    const [first] = await choose(1)
    const best = Math.max(...[...vectors.values()].map(vector => dot(vector, mean)))
    expect(dot(vectors.get(first!)!, mean)).toBeCloseTo(best, 6)
    expect(await choose(10)).toEqual(await choose(10))
    expect((await choose(10)).slice(0, 5)).toEqual(await choose(5))
  })

  test('is all photos where there are no more', async () => {
    expect((await choose(60)).sort()).toEqual([...vectors.keys()].sort())
  })

  test('comes from a random sample of many photos, which the seed decides', async () => {
    const sampled = await choose(10, 20, 1)
    expect(sampled).toEqual(await choose(10, 20, 1))
    expect(sampled).not.toEqual(await choose(10, 20, 2))
  })

  test('ends when it is told to', async () => {
    const signal = AbortSignal.abort(new Error('stopped'))
    const options = { count: 40, seed: 0, signal }
    await expect(diversePhotos(inMemory(vectors), { modelId: 1 }, options)).rejects.toThrow('stopped')
  })
})
