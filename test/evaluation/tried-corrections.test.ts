import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Products } from '../../src/analysis/matrix/products.js'
import type { VectorPage, VectorRepository } from '../../src/domain/ports/vectors/vector-repository.js'
import { cosineSimilarity } from '../../src/domain/similarity.js'
import { TriedCorrections } from '../../src/evaluation/tried-corrections.js'
import { randomNumbers, randomVector } from '../db/factories.js'

const DIMENSION = 6
const PHOTOS = 300
const DEPTH = 20
const random = randomNumbers(21)
const someVectors = (count: number) => Array.from({ length: count }, () => randomVector(DIMENSION, random))
const photos = someVectors(PHOTOS).map((vector, i) => ({ id: `p${String(i).padStart(3, '0')}`, vector }))
const references = someVectors(40)
const queries = someVectors(7)
const { signal } = new AbortController()

/** Pages of a hundred. */
const repository: Pick<VectorRepository, 'read'> = {
  async *read() {
    for (let from = 0; from < PHOTOS; from += 100) {
      const page = photos.slice(from, from + 100)
      const vectors = new Float32Array(page.length * DIMENSION)
      for (const [i, { vector }] of page.entries()) vectors.set(vector, i * DIMENSION)
      yield { ids: page.map(({ id }) => id), vectors, dimension: DIMENSION } as VectorPage
    }
  },
}

/** Everything compared with everything. */
function expected(query: Float32Array, k: number, weight: number): string[] {
  const means = photos.map(({ vector }) => {
    const scores = references.map(text => cosineSimilarity(text, vector)).sort((a, b) => b - a)
    return scores.slice(0, k).reduce((sum, score) => sum + score, 0) / k
  })
  // The third of 300 is the lowest that is used.
  const floor = [...means].sort((a, b) => a - b)[2]!
  return photos
    .map(({ id, vector }, i) => ({ id, score: cosineSimilarity(query, vector) - weight * Math.max(floor, means[i]!) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, DEPTH)
    .map(({ id }) => id)
}

describe('tried corrections', () => {
  let products: Products
  beforeAll(async () => {
    products = await Products.open(1)
  })
  afterAll(() => products?.close())

  test('rank as a comparison of everything does', async () => {
    const corrections = [
      { k: 1, weight: 0.5 },
      { k: 8, weight: 0.5 },
      { k: 8, weight: 2 },
      { k: 40, weight: 0 },
    ]
    const tried = new TriedCorrections(repository, products, 1, references, corrections)
    const found = await tried.rank(queries, DEPTH, signal)
    expect(found).toEqual(corrections.map(({ k, weight }) => queries.map(query => expected(query, k, weight))))
    // The similarities to the references are kept.
    expect(await tried.rank(queries.slice(0, 2), DEPTH, signal)).toEqual(found.map(lists => lists.slice(0, 2)))
  })

  test('keep less the more lists there are', () => {
    const corrections = Array.from({ length: 40 }, () => ({ k: 1, weight: 1 }))
    expect(new TriedCorrections(repository, products, 1, references, corrections).queriesAtOnce(1000)).toBe(52)
  })
})
