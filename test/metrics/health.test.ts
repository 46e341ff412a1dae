import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Activity, HealthMonitor } from '../../src/metrics/health.js'

const SECOND = 1000

describe('the health of a worker', () => {
  let activity: Activity
  let answers: { database: () => Promise<unknown>; queue: () => Promise<unknown> }
  let monitor: HealthMonitor
  beforeEach(() => {
    vi.useFakeTimers()
    activity = { phase: 'working' }
    answers = { database: vi.fn(async () => 1), queue: vi.fn(async () => 1) }
    monitor = new HealthMonitor(() => activity, {
      database: () => answers.database(),
      queue: () => answers.queue(),
    })
  })
  afterEach(() => vi.useRealTimers())

  const away = () => Promise.reject(new Error('ECONNREFUSED'))
  const asked = async (what: () => Promise<unknown>) => {
    const answer = what()
    await vi.advanceTimersByTimeAsync(4 * SECOND)
    return answer
  }
  const live = () => asked(() => monitor.live())
  const ready = () => asked(() => monitor.ready())

  test('is good when it works and what it needs answers', async () => {
    expect(await live()).toEqual({ ok: true, problems: {} })
    expect(await ready()).toEqual({ ok: true, problems: {} })
  })

  test('is not there before it has started, and lasts until it has ended', async () => {
    activity = { phase: 'starting' }
    expect(await live()).toEqual({ ok: false, problems: { worker: 'starting' } })
    activity = { phase: 'stopping' }
    expect(await live()).toEqual({ ok: true, problems: {} })
    expect(await ready()).toEqual({ ok: false, problems: { worker: 'stopping' } })
  })

  test('is not ready at once, but well for a minute, when the database is away', async () => {
    answers.database = away
    expect(await ready()).toEqual({ ok: false, problems: { database: 'ECONNREFUSED' } })
    expect(await live()).toEqual({ ok: true, problems: {} })
    await vi.advanceTimersByTimeAsync(60 * SECOND)
    expect(await live()).toEqual({ ok: false, problems: { database: 'ECONNREFUSED' } })
    answers.database = async () => 1
    expect(await live()).toEqual({ ok: true, problems: {} })
  })

  test('is not waited for long: no answer is an answer, and no second question is asked', async () => {
    const silent = vi.fn(() => new Promise(() => {}))
    answers.queue = silent
    expect(await ready()).toEqual({ ok: false, problems: { queue: 'no response within 3 s' } })
    expect(await ready()).toEqual({ ok: false, problems: { queue: 'no response within 3 s' } })
    expect(silent).toHaveBeenCalledTimes(1)
  })

  test('is asked for as often as anybody likes, and asks no more than every other second', async () => {
    await Promise.all([monitor.live(), monitor.ready(), monitor.live()])
    await monitor.ready()
    expect(answers.database).toHaveBeenCalledTimes(1)
  })

  test('says what the worker itself has noticed', async () => {
    activity = { phase: 'working', problem: 'no worker process was heard of for 70 s' }
    expect(await live()).toMatchObject({ ok: false, problems: { worker: expect.stringContaining('70 s') } })
    expect(await ready()).toMatchObject({ ok: false })
  })
})
