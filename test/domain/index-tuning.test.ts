import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { leastEffort, reaches, type Trial, tuneSearch } from '../../src/domain/index-tuning.js'
import type { IndexState, MeasuredAnswer, SearchSetting } from '../../src/domain/ports/index-repository.js'
import { meanShare, median, recallOf } from '../../src/domain/recall.js'

const scores = (...values: number[]) => values.map(score => ({ score }))

describe('recall', () => {
  it('is the share of the true nearest that were found', () => {
    expect(recallOf(scores(0.9, 0.7), scores(0.9, 0.8, 0.7, 0.6))).toBe(0.5)
    expect(recallOf(scores(0.5, 0.4), scores(0.9, 0.8))).toBe(0)
    expect(recallOf([], scores(0.9))).toBe(0)
    expect(recallOf([], [])).toBe(1)
  })

  it('takes any of those that are equally near', () => {
    expect(recallOf(scores(0.9, 0.8, 0.8), scores(0.9, 0.8))).toBe(1)
    expect(recallOf(scores(0.9, 0.8 - 1e-8), scores(0.9, 0.8))).toBe(1)
  })

  it('has a confidence interval that narrows with the sample', () => {
    const shares = [1, 0.9, 0.8, 1, 0.7]
    const few = meanShare(shares)
    const many = meanShare(Array.from({ length: 20 }, () => shares).flat())
    expect(few.mean).toBeCloseTo(0.88)
    expect(many.mean).toBeCloseTo(0.88)
    expect(few.low).toBeLessThan(many.low)
    expect(few.high).toBeGreaterThan(many.high)
    expect(meanShare([1, 1, 1, 1, 1, 1])).toEqual({ mean: 1, low: 0.5, high: 1 })
  })

  it('has a median', () => {
    expect(median([3])).toBe(3)
    expect(median([9, 1, 5])).toBe(5)
    expect(median([4, 3, 2, 1])).toBe(2)
  })
})

const trial = (effort: number, recall: number): Trial => ({
  effort,
  recall: { mean: recall, low: recall, high: recall },
  ms: effort,
})

describe('the least effort', () => {
  it('reaches the wanted recall, and hardly less would not', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4000 }), async enough => {
        const { trials, chosen } = await leastEffort({ least: 1, most: 4000 }, 0.95, async effort =>
          trial(effort, effort >= enough ? 0.96 : 0.9),
        )
        expect(chosen!.effort).toBeGreaterThanOrEqual(enough)
        expect(chosen!.effort).toBeLessThanOrEqual(Math.max(enough, 1.1 * enough + 1))
        expect(trials.length).toBeLessThanOrEqual(24)
        expect(trials.map(({ effort }) => effort)).toEqual(
          [...trials.map(({ effort }) => effort)].sort((a, b) => a - b),
        )
      }),
    )
  })

  it('is none when the most does not reach it, or it takes too long', async () => {
    const never = async (effort: number) => trial(effort, 0.9)
    const range = { least: 40, most: 1000 }
    expect((await leastEffort(range, 0.95, never)).trials.map(({ effort }) => effort)).toEqual([
      40, 80, 160, 320, 640, 1000,
    ])
    expect((await leastEffort(range, 0.95, never)).chosen).toBeNull()
    const short = await leastEffort(range, 0.95, never, ({ ms }) => ms >= 100)
    expect(short.trials.map(({ effort }) => effort)).toEqual([40, 80, 160])
  })

  it('is what other queries reach, too: the lower end of the interval counts', () => {
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
        setting.method === 'exact' ? 1 : setting.method === 'ivfflat' ? Math.min(1, setting.effort / 16) : graphFinds
      const took =
        setting.method === 'exact' ? ms.exact : setting.effort * (setting.method === 'hnsw' ? ms.candidate : ms.probe)
      return Array.from({ length: QUERIES }, () => ({
        hits: Array.from({ length: Math.round(10 * share) }, (_, i) => ({ photoId: `${i}`, score: 1 - i / 10 })),
        ms: took,
      }))
    }
    return { measure, asked }
  }

  it('takes the fastest index that reaches the recall', async () => {
    const fastGraph = await tuneSearch(indexes, 0.95, world({ exact: 100, probe: 1, candidate: 0.1 }, 1).measure)
    expect(fastGraph.chosen.setting).toEqual({ method: 'hnsw', indexName: 'graph', effort: 40 })
    const fastLists = await tuneSearch(indexes, 0.95, world({ exact: 100, probe: 0.1, candidate: 0.1 }, 1).measure)
    expect(fastLists.chosen.setting).toEqual({ method: 'ivfflat', indexName: 'lists', effort: 16 })
    const blindGraph = await tuneSearch(indexes, 0.95, world({ exact: 100, probe: 1, candidate: 0.01 }, 0.5).measure)
    expect(blindGraph.chosen.setting).toMatchObject({ method: 'ivfflat' })
  })

  it('stays exact where no index reaches the recall, or none in less time', async () => {
    const slow = await tuneSearch(indexes, 0.95, world({ exact: 5, probe: 1, candidate: 1 }, 0.5).measure)
    expect(slow).toMatchObject({ chosen: { setting: { method: 'exact' } }, exactBecause: 'recall' })
    const even = await tuneSearch(indexes.slice(0, 1), 0.05, world({ exact: 1, probe: 1, candidate: 1 }, 1).measure)
    expect(even).toMatchObject({ chosen: { setting: { method: 'exact' } }, exactBecause: 'time' })
    const none = await tuneSearch([], 0.95, world({ exact: 1, probe: 1, candidate: 1 }, 1).measure)
    expect(none.tried).toHaveLength(1)
  })

  it('takes an index that it is told to take, whatever the time', async () => {
    const { chosen } = await tuneSearch(
      indexes.slice(0, 1),
      0.95,
      world({ exact: 1, probe: 9, candidate: 9 }, 1).measure,
      true,
    )
    expect(chosen.setting).toEqual({ method: 'ivfflat', indexName: 'lists', effort: 16 })
  })
})
