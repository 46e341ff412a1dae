import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { leastSearchEffort, reaches, type Trial, tuneSearch } from '../../../src/domain/indexes/index-tuning.js'
import { meanShare, median, recallOf } from '../../../src/domain/indexes/recall.js'
import type { IndexState, MeasuredAnswer, SearchSetting } from '../../../src/domain/ports/index-repository.js'

const scores = (...values: number[]) => values.map(score => ({ score }))

describe('recall', () => {
  test('is the share of the true nearest that were found', () => {
    expect(recallOf(scores(0.9, 0.7), scores(0.9, 0.8, 0.7, 0.6))).toBe(0.5)
    expect(recallOf(scores(0.5, 0.4), scores(0.9, 0.8))).toBe(0)
    expect(recallOf([], scores(0.9))).toBe(0)
    expect(recallOf([], [])).toBe(1)
  })

  test('takes any of those that are equally near', () => {
    expect(recallOf(scores(0.9, 0.8, 0.8), scores(0.9, 0.8))).toBe(1)
    expect(recallOf(scores(0.9, 0.8 - 1e-8), scores(0.9, 0.8))).toBe(1)
  })

  test('has a confidence interval that narrows with the sample', () => {
    const shares = [1, 0.9, 0.8, 1, 0.7]
    const few = meanShare(shares)
    const many = meanShare(Array.from({ length: 20 }, () => shares).flat())
    expect(few.mean).toBeCloseTo(0.88)
    expect(many.mean).toBeCloseTo(0.88)
    expect(few.low).toBeLessThan(many.low)
    expect(few.high).toBeGreaterThan(many.high)
    expect(meanShare([1, 1, 1, 1, 1, 1])).toEqual({ mean: 1, low: 0.5, high: 1 })
  })

  test('has a median', () => {
    expect(median([3])).toBe(3)
    expect(median([9, 1, 5])).toBe(5)
    expect(median([4, 3, 2, 1])).toBe(2)
  })
})

const trial = (searchEffort: number, recall: number): Trial => ({
  searchEffort,
  recall: { mean: recall, low: recall, high: recall },
  ms: searchEffort,
})

describe('the least effort', () => {
  test('reaches the wanted recall, and hardly less would not', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4000 }), async enough => {
        const { trials, chosen } = await leastSearchEffort({ least: 1, most: 4000 }, 0.95, async searchEffort =>
          trial(searchEffort, searchEffort >= enough ? 0.96 : 0.9),
        )
        expect(chosen!.searchEffort).toBeGreaterThanOrEqual(enough)
        expect(chosen!.searchEffort).toBeLessThanOrEqual(Math.max(enough, 1.1 * enough + 1))
        expect(trials.length).toBeLessThanOrEqual(24)
        expect(trials.map(({ searchEffort }) => searchEffort)).toEqual(
          [...trials.map(({ searchEffort }) => searchEffort)].sort((a, b) => a - b),
        )
      }),
    )
  })

  test('is none when the most does not reach it, or it takes too long', async () => {
    const never = async (searchEffort: number) => trial(searchEffort, 0.9)
    const range = { least: 40, most: 1000 }
    expect((await leastSearchEffort(range, 0.95, never)).trials.map(({ searchEffort }) => searchEffort)).toEqual([
      40, 80, 160, 320, 640, 1000,
    ])
    expect((await leastSearchEffort(range, 0.95, never)).chosen).toBeNull()
    const short = await leastSearchEffort(range, 0.95, never, ({ ms }) => ms >= 100)
    expect(short.trials.map(({ searchEffort }) => searchEffort)).toEqual([40, 80, 160])
  })

  test('is what other queries reach, too: the lower end of the interval counts', () => {
    expect(reaches({ recall: { mean: 0.96, low: 0.94, high: 0.98 } }, 0.95)).toBe(false)
    expect(reaches({ recall: { mean: 0.97, low: 0.951, high: 0.98 } }, 0.95)).toBe(true)
    expect(reaches({ recall: { mean: 1, low: 0.985, high: 1 } }, 0.99)).toBe(true)
  })
})

describe('tuning a search', () => {
  const QUERIES = 100
  const indexes: Pick<IndexState, 'method' | 'name' | 'options'>[] = [
    { method: 'ivfflat', name: 'lists', options: ['lists=64'] },
    { method: 'hnsw', name: 'graph', options: ['m=16'] },
  ]

  /** A world in which an effort finds a photo with a chance that grows with it, and takes so long. */
  function world(ms: { exact: number; probe: number; candidate: number }, graphFinds: number) {
    const asked: SearchSetting[] = []
    const measure = async (setting: SearchSetting): Promise<MeasuredAnswer[]> => {
      asked.push(setting)
      const share =
        setting.method === 'exact'
          ? 1
          : setting.method === 'ivfflat'
            ? Math.min(1, setting.searchEffort / 16)
            : graphFinds
      const took =
        setting.method === 'exact'
          ? ms.exact
          : setting.searchEffort * (setting.method === 'hnsw' ? ms.candidate : ms.probe)
      return Array.from({ length: QUERIES }, () => ({
        hits: Array.from({ length: Math.round(10 * share) }, (_, i) => ({ photoId: `${i}`, score: 1 - i / 10 })),
        ms: took,
      }))
    }
    return { measure, asked }
  }

  test('takes the fastest index that reaches the recall', async () => {
    const fastGraph = await tuneSearch(indexes, 0.95, world({ exact: 100, probe: 1, candidate: 0.1 }, 1).measure)
    expect(fastGraph.chosen.setting).toEqual({ method: 'hnsw', indexName: 'graph', searchEffort: 40 })
    const fastLists = await tuneSearch(indexes, 0.95, world({ exact: 100, probe: 0.1, candidate: 0.1 }, 1).measure)
    expect(fastLists.chosen.setting).toEqual({ method: 'ivfflat', indexName: 'lists', searchEffort: 16 })
    const blindGraph = await tuneSearch(indexes, 0.95, world({ exact: 100, probe: 1, candidate: 0.01 }, 0.5).measure)
    expect(blindGraph.chosen.setting).toMatchObject({ method: 'ivfflat' })
  })

  test('stays exact where no index reaches the recall, or none in less time', async () => {
    const slow = await tuneSearch(indexes, 0.95, world({ exact: 5, probe: 1, candidate: 1 }, 0.5).measure)
    expect(slow).toMatchObject({ chosen: { setting: { method: 'exact' } }, exactBecause: 'recall' })
    const even = await tuneSearch(indexes.slice(0, 1), 0.05, world({ exact: 1, probe: 1, candidate: 1 }, 1).measure)
    expect(even).toMatchObject({ chosen: { setting: { method: 'exact' } }, exactBecause: 'time' })
    const none = await tuneSearch([], 0.95, world({ exact: 1, probe: 1, candidate: 1 }, 1).measure)
    expect(none.tried).toHaveLength(1)
  })

  test('takes an index that it is told to take, whatever the time', async () => {
    const { chosen } = await tuneSearch(
      indexes.slice(0, 1),
      0.95,
      world({ exact: 1, probe: 9, candidate: 9 }, 1).measure,
      { isForced: true },
    )
    expect(chosen.setting).toEqual({ method: 'ivfflat', indexName: 'lists', searchEffort: 16 })
  })

  test('reaches the recall in each group of queries', async () => {
    const truth = Array.from({ length: 10 }, (_, i) => ({ photoId: `${i}`, score: 1 - i / 10 }))
    const finds = (setting: SearchSetting, enough: number) =>
      setting.method === 'exact' || setting.searchEffort >= enough ? truth : truth.slice(0, 5)
    const measure = async (setting: SearchSetting): Promise<MeasuredAnswer[]> =>
      [...Array(90).fill(2), ...Array(10).fill(32)].map(enough => ({ hits: finds(setting, enough), ms: 1 }))
    const effort = async (groups: number[]) => {
      const { chosen } = await tuneSearch(indexes.slice(0, 1), 0.9, measure, { isForced: true, groups })
      return chosen.setting
    }
    expect(await effort([100])).toMatchObject({ searchEffort: 2 })
    expect(await effort([90, 10])).toMatchObject({ searchEffort: 32 })
    expect(await effort([90, 0, 10])).toMatchObject({ searchEffort: 32 })
  })
})
