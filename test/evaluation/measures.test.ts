import { describe, expect, test } from 'vitest'
import { measuresOf } from '../../src/evaluation/measures.js'

const ranks = (...ids: string[]) => ({ page: ids.slice(0, 10), deep: ids })
const relevant = (...ids: string[]) => new Map(ids.map(id => [id, 1]))

describe('measures of one answer', () => {
  test('count what was found, where, and what was not', () => {
    const found = measuresOf(ranks('x', 'a', 'y', 'b'), relevant('a', 'b', 'c'))
    expect(found.map).toBeCloseTo((1 / 2 + 2 / 4) / 3, 12)
    expect(found.mrr).toBe(0.5)
    expect(found.recall_10).toBeCloseTo(2 / 3, 12)
    expect(found.recall_100).toBeCloseTo(2 / 3, 12)
    const ideal = 1 + 1 / Math.log2(3) + 1 / 2
    expect(found.ndcg_10).toBeCloseTo((1 / Math.log2(3) + 1 / Math.log2(5)) / ideal, 12)
  })

  test('are 1 for a perfect answer, also where more than ten are relevant, and 0 for nothing found', () => {
    const ids = Array.from({ length: 12 }, (_, i) => `p${i}`)
    expect(measuresOf(ranks(...ids), relevant(...ids))).toEqual({
      ndcg_10: 1,
      recall_10: 10 / 12,
      recall_100: 1,
      map: 1,
      mrr: 1,
    })
    expect(Object.values(measuresOf(ranks('x', 'y'), relevant('a')))).toEqual([0, 0, 0, 0, 0])
    expect(Object.values(measuresOf(ranks(), relevant('a')))).toEqual([0, 0, 0, 0, 0])
  })

  test('use grades as gains of nDCG only', () => {
    const grades = new Map([
      ['good', 3],
      ['fair', 1],
    ])
    const found = measuresOf(ranks('fair', 'good'), grades)
    expect(found.ndcg_10).toBeCloseTo((1 + 3 / Math.log2(3)) / (3 + 1 / Math.log2(3)), 12)
    expect(found).toMatchObject({ recall_10: 1, map: 1, mrr: 1 })
  })

  test('take the page from the page, and the rest from the deep list', () => {
    const found = measuresOf({ page: ['x'], deep: ['a'] }, relevant('a'))
    expect(found).toEqual({ ndcg_10: 0, recall_10: 0, recall_100: 1, map: 1, mrr: 1 })
  })
})
