import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Heartbeat } from '../../src/domain/heartbeat.js'
import { deferred } from '../support/deferred.js'

describe('the heartbeat', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('reports regularly, and when asked to, until it ends with a last report', async () => {
    const reports: string[] = []
    const report = async (what: string) => void reports.push(what)
    const heartbeat = new Heartbeat(() => report('alive'), 5000)
    heartbeat.beat()
    await vi.advanceTimersByTimeAsync(15_000)
    expect(reports).toHaveLength(4)
    await heartbeat.end(() => report('left'))
    expect(reports.at(-1)).toBe('left')
    await vi.advanceTimersByTimeAsync(15_000)
    expect(reports).toHaveLength(5)
  })

  test('leaves reports out while one is under way, and goes on after one has failed', async () => {
    const first = deferred()
    let asked = 0
    const heartbeat = new Heartbeat(() => (asked++ === 0 ? first.promise : Promise.resolve()), 5000)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(asked).toBe(1)
    first.reject(new Error('the database is away'))
    await vi.advanceTimersByTimeAsync(5000)
    expect(asked).toBe(2)
    await heartbeat.end(async () => {})
  })

  test('reports the end after the report under way', async () => {
    const [under, order] = [deferred(), [] as string[]]
    const heartbeat = new Heartbeat(() => under.promise.then(() => void order.push('alive')), 5000)
    heartbeat.beat()
    const ended = heartbeat.end(async () => void order.push('left'))
    under.resolve()
    await ended
    expect(order).toEqual(['alive', 'left'])
  })

  test('does not keep what ends while the database is away', async () => {
    const heartbeat = new Heartbeat(() => new Promise(() => {}), 5000)
    heartbeat.beat()
    await heartbeat.end(() => new Promise(() => {}))
    await heartbeat.end(() => Promise.reject(new Error('away')))
  })
})
