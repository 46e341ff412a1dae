import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AppError, PhotoError } from '../../../src/domain/errors.js'
import { CircuitBreaker } from '../../../src/workers/delivery/circuit-breaker.js'
import { until } from '../../support/until.js'
import { ALL_WELL } from '../fakes.js'

const MINUTE = 60_000

describe('the circuit breaker', () => {
  const { signal } = new AbortController()
  const refused = new PhotoError('STORE_FAILED', 'SlowDown (status 503)')
  let storeIsAway: boolean
  let probes: number
  let said: string[]
  let breaker: CircuitBreaker

  beforeEach(() => {
    storeIsAway = false
    probes = 0
    said = []
    const logger = pino({}, { write: (line: string) => said.push(JSON.parse(line).msg) })
    const store = async () => {
      probes++
      if (storeIsAway) throw new Error('no answer')
    }
    breaker = new CircuitBreaker({ ...ALL_WELL, store }, logger)
  })
  afterEach(() => breaker.close())

  test('is closed while nothing is away', async () => {
    expect(await breaker.waitUntilClosed(0, signal)).toBe(true)
    expect(breaker.trouble).toBeNull()
  })

  test('tells of a full queue, but holds no work, which frees memory; of one that is away it holds all', async () => {
    breaker.recordFailure('queue', new AppError('QUEUE_FULL', 'maxmemory'))
    expect(breaker.trouble).toBe('the queue is away: maxmemory')
    expect(await breaker.waitUntilClosed(0, signal)).toBe(true)
    await until('a probe succeeds', () => breaker.trouble === null)
    breaker.recordFailure('queue', new AppError('QUEUE_UNREACHABLE', 'READONLY'))
    expect(await breaker.waitUntilClosed(0, signal)).toBe(false)
    expect(said).toEqual([
      'the queue is away; work goes on',
      'the queue is back',
      'the queue is away; nothing new is begun',
    ])
  })

  test('names a server once that is both the database and the queue, and ends each cause with one mark', async () => {
    const at = 'localhost:5432/photos cannot work now: it is read-only'
    breaker.recordFailure('database', new AppError('DATABASE_UNAVAILABLE', `The database at ${at}. Turn that off.`))
    breaker.recordFailure('queue', new AppError('QUEUE_UNREACHABLE', `The queue at postgres://${at}. Turn that off.`))
    expect(breaker.trouble).toBe(`the database and the queue are away: The database at ${at}. Turn that off.`)
    breaker.recordFailure('store', refused, 'one')
    breaker.recordFailure('store', refused, 'two')
    breaker.recordFailure('store', refused, 'three')
    expect(breaker.trouble).toBe(
      `the database and the queue are away: The database at ${at}. Turn that off; the object store is away: SlowDown (status 503)`,
    )
  })

  test('stays closed when a store refuses one key and takes others', async () => {
    for (let i = 0; i < 10; i++) {
      breaker.recordFailure('store', refused, 'one')
      await breaker.waitForProbe('store')
    }
    expect(breaker.trouble).toBeNull()
    expect(probes).toBe(10)
  })

  test('opens when the store answers nothing else either, says so once, and closes when it is back', async () => {
    storeIsAway = true
    breaker.recordFailure('store', refused, 'one')
    await breaker.waitForProbe('store')
    expect(breaker.trouble).toBe('the object store is away: no answer')
    expect(breaker.isOpen('store')).toBe(true)
    expect(breaker.isOpen('database')).toBe(false)
    breaker.recordFailure('store', refused, 'two')
    const passing = breaker.waitUntilClosed(MINUTE, signal)
    storeIsAway = false
    expect(await passing).toBe(true)
    expect(said).toEqual(['the object store is away; nothing new is begun', 'the object store is back'])
  })

  test('opens when the store refuses key after key although it takes a probe, as a full disk does', async () => {
    for (const key of ['one', 'two', 'three']) breaker.recordFailure('store', refused, key)
    expect(breaker.isOpen('store')).toBe(true)
    await until('another try is made', () => !breaker.isOpen('store'))
    breaker.recordFailure('store', refused, 'four')
    expect(breaker.isOpen('store')).toBe(true)
    await until('another try is made', () => !breaker.isOpen('store'))
    breaker.recordSuccess('store')
    breaker.recordFailure('store', refused, 'five')
    expect(breaker.isOpen('store')).toBe(false)
  })

  test('does not open for copies that are refused for good, while the store takes a probe', async () => {
    const forGood = new PhotoError('STORE_FAILED', 'AccessDenied', { retryable: false })
    for (const key of ['one', 'two', 'three', 'four']) {
      breaker.recordFailure('store', forGood, key)
      await breaker.waitForProbe('store')
    }
    expect(breaker.isOpen('store')).toBe(false)
    storeIsAway = true
    breaker.recordFailure('store', forGood, 'five')
    await breaker.waitForProbe('store')
    expect(breaker.isOpen('store')).toBe(true)
  })

  test('opens for the database at its first error', () => {
    breaker.recordFailure('database', new Error('gone'))
    expect(breaker.trouble).toBe('the database is away: gone')
  })

  test('lets nobody pass in time while something is away', async () => {
    breaker.recordFailure('queue', new Error('gone'))
    expect(await breaker.waitUntilClosed(1, signal)).toBe(false)
  })

  test('takes a service for away that does not answer', async () => {
    breaker.close()
    breaker = new CircuitBreaker({ ...ALL_WELL, store: () => new Promise(() => {}) }, pino({ level: 'silent' }))
    await breaker.probe()
    expect(breaker.trouble).toBe('the object store is away: no answer within 6 s')
  })

  describe('runs a call that must not be lost', () => {
    const full = new AppError('DATABASE_UNAVAILABLE', 'its disk is full')
    /** Fails so many times first, whatever the probe says. */
    const failing = (times: number, error: Error = full) => {
      const call = { calls: 0, run: async () => (++call.calls <= times ? Promise.reject(error) : 'written') }
      return call
    }

    test('again until it succeeds, and only then counts the service as back', async () => {
      const call = failing(2)
      const written = breaker.insist('database', call.run, signal)
      await until('the second try has failed', () => call.calls === 2)
      expect(breaker.trouble).toBe('the database is away: its disk is full')
      expect(await written).toBe('written')
      expect(call.calls).toBe(3)
      await until('it counts as back', () => !breaker.isOpen('database'))
      expect(said).toEqual(['the database is away; nothing new is begun', 'the database is back'])
    })

    test('after those that wait, one at a time while the service is away', async () => {
      const [one, other] = [failing(2), failing(0)]
      const written = breaker.insist('database', one.run, signal)
      await until('it is known to be away', () => breaker.isOpen('database'))
      const alsoWritten = breaker.insist('database', other.run, signal)
      expect(other.calls).toBe(0)
      expect(await Promise.all([written, alsoWritten])).toEqual(['written', 'written'])
    })

    test('once, if it fails for another reason', async () => {
      const wrong = failing(1, new AppError('DATABASE_FAILED', 'a bug'))
      await expect(breaker.insist('database', wrong.run, signal)).rejects.toThrow('a bug')
      expect(breaker.trouble).toBeNull()
    })

    test('until it is told to stop', async () => {
      const stop = new AbortController()
      const written = breaker.insist('database', failing(99).run, stop.signal)
      await until('it is known to be away', () => breaker.isOpen('database'))
      stop.abort(new Error('stop'))
      await expect(written).rejects.toThrow('stop')
    })
  })

  test('keeps nobody who is told to stop', async () => {
    storeIsAway = true
    breaker.recordFailure('database', new Error('gone'))
    const stop = new AbortController()
    const passing = breaker.waitUntilClosed(MINUTE, stop.signal)
    stop.abort(new Error('stop'))
    await expect(passing).rejects.toThrow('stop')
  })
})
