import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { WorkerReport } from '../../../src/domain/ports/run-repository.js'
import { RecentRate } from '../../../src/workers/recent-rate.js'
import { Reporter } from '../../../src/workers/reporter.js'
import { deferred } from '../../support/deferred.js'
import { FakeRuns } from './fakes.js'

const report: WorkerReport = {
  id: 'w-1',
  host: 'here',
  pid: 1,
  model: 'test@fp32',
  startedAt: new Date(0),
  embedded: 0,
  failed: 0,
  photosPerSecond: 0,
  inHand: {},
  trouble: null,
}

describe('the reporter', () => {
  let runs: FakeRuns

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] })
    runs = new FakeRuns()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('reports at the start, then every five seconds', async () => {
    const reporter = new Reporter(runs, () => report)
    await vi.advanceTimersByTimeAsync(15_000)
    expect(runs.reports).toHaveLength(4)
    await reporter.close()
    expect(runs.left).toEqual(['w-1'])
    await vi.advanceTimersByTimeAsync(15_000)
    expect(runs.reports).toHaveLength(4)
  })

  it('leaves reports out while one is under way, and goes on after one has failed', async () => {
    const first = deferred()
    let asked = 0
    const reporter = new Reporter(
      { report: () => (asked++ === 0 ? first.promise : runs.report(report)), leave: runs.leave.bind(runs) },
      () => report,
    )
    await vi.advanceTimersByTimeAsync(20_000)
    expect(asked).toBe(1)
    first.reject(new Error('the database is away'))
    await vi.advanceTimersByTimeAsync(5000)
    expect(runs.reports).toHaveLength(1)
    await reporter.close()
  })

  it('does not keep a worker that ends while the database is away', async () => {
    const reporter = new Reporter(
      { report: () => new Promise(() => {}), leave: () => new Promise(() => {}) },
      () => report,
    )
    await reporter.close()
  })
})

describe('the rate of late', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('is that since the start at first, then that of the window', () => {
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
