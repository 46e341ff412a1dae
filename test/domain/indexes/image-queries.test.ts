import { describe, expect, test } from 'vitest'
import { imageQueries } from '../../../src/domain/indexes/image-queries.js'
import { norm } from '../../../src/domain/similarity.js'

const photo = (photoId: string, ...values: number[]) => ({ photoId, vector: Float32Array.from(values) })

describe('the queries that an index for images is tuned with', () => {
  test('are the photos, each excluded from its own results, and means of two', () => {
    const [inside, between] = imageQueries([photo('a', 1, 0), photo('b', 0, 1), photo('c', -0.6, 0.8)])
    expect(inside!.map(({ exceptPhoto }) => exceptPhoto)).toEqual(['a', 'b', 'c'])
    expect(inside![1]!.vector).toEqual(Float32Array.of(0, 1))
    expect(between).toHaveLength(3)
    for (const { vector, exceptPhoto } of between!) {
      expect(norm(vector)).toBeCloseTo(1, 6)
      expect(exceptPhoto).toBeUndefined()
    }
    expect(between![0]!.vector[0]).toBeCloseTo(Math.SQRT1_2, 6)
  })

  test('leave out means without a direction', () => {
    expect(imageQueries([photo('a', 1, 0), photo('b', -1, 0)])[1]).toEqual([])
    expect(imageQueries([])).toEqual([[], []])
    expect(imageQueries([photo('a', 1, 0)])[1]).toEqual([{ vector: Float32Array.of(1, 0) }])
  })
})
