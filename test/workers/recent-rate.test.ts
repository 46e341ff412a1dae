import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { RecentRate } from '../../src/workers/recent-rate.js'

describe('the rate of late', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('is that since the start at first, then that of the window', () => {
    const rate = new RecentRate(60_000)
    const rateAfter = (ms: number, count: number) => {
      vi.setSystemTime(Date.now() + ms)
      return rate.look(count)
    }
    expect(rateAfter(10_000, 100)).toBe(10)
    expect(rateAfter(50_000, 100)).toBeCloseTo(100 / 60)
    expect(rateAfter(60_000, 100)).toBe(0)
    expect(rateAfter(30_000, 400)).toBeCloseTo(300 / 90)
    expect(rateAfter(30_000, 400)).toBe(5)
  })
})
