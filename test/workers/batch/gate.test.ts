import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PhotoError } from '../../../src/domain/errors.js'
import { Gate } from '../../../src/workers/gate.js'
import { until } from '../../support/until.js'
import { ALL_WELL } from './fakes.js'

const MINUTE = 60_000

describe('the gate', () => {
  const { signal } = new AbortController()
  const refused = new PhotoError('STORE_FAILED', 'SlowDown (status 503)')
  let storeIsAway: boolean
  let probes: number
  let said: string[]
  let gate: Gate

  beforeEach(() => {
    storeIsAway = false
    probes = 0
    said = []
    const logger = pino({}, { write: (line: string) => said.push(JSON.parse(line).msg) })
    const store = async () => {
      probes++
      if (storeIsAway) throw new Error('no answer')
    }
    gate = new Gate({ ...ALL_WELL, store }, logger)
  })
  afterEach(() => gate.close())

  it('is open while nothing is away', async () => {
    expect(await gate.pass(0, signal)).toBe(true)
    expect(gate.trouble).toBeNull()
  })

  it('stays open when a store refuses one key and takes others', async () => {
    for (let i = 0; i < 10; i++) {
      gate.failed('store', refused, 'one')
      await gate.verdict('store')
    }
    expect(gate.trouble).toBeNull()
    expect(probes).toBe(10)
  })

  it('closes when the store answers nothing else either, says so once, and opens when it is back', async () => {
    storeIsAway = true
    gate.failed('store', refused, 'one')
    await gate.verdict('store')
    expect(gate.trouble).toBe('the object store is away: no answer')
    expect(gate.isAway('store')).toBe(true)
    expect(gate.isAway('database')).toBe(false)
    gate.failed('store', refused, 'two')
    const passing = gate.pass(MINUTE, signal)
    storeIsAway = false
    expect(await passing).toBe(true)
    expect(said).toEqual(['the object store is away; nothing new is begun', 'the object store is back'])
  })

  it('closes when the store refuses key after key although it takes a probe, as a full disk does', async () => {
    for (const key of ['one', 'two', 'three']) gate.failed('store', refused, key)
    expect(gate.isAway('store')).toBe(true)
    await until('another try is made', () => !gate.isAway('store'))
    gate.failed('store', refused, 'four')
    expect(gate.isAway('store')).toBe(true)
    await until('another try is made', () => !gate.isAway('store'))
    gate.worked('store')
    gate.failed('store', refused, 'five')
    expect(gate.isAway('store')).toBe(false)
  })

  it('closes for the database at its first error', () => {
    gate.failed('database', new Error('gone'))
    expect(gate.trouble).toBe('the database is away: gone')
  })

  it('lets nobody pass in time while something is away', async () => {
    gate.failed('queue', new Error('gone'))
    expect(await gate.pass(1, signal)).toBe(false)
  })

  it('takes a service for away that does not answer', async () => {
    gate.close()
    gate = new Gate({ ...ALL_WELL, store: () => new Promise(() => {}) }, pino({ level: 'silent' }))
    await gate.probe()
    expect(gate.trouble).toBe('the object store is away: no answer within 6 s')
  })

  it('keeps nobody who is told to stop', async () => {
    storeIsAway = true
    gate.failed('database', new Error('gone'))
    const stop = new AbortController()
    const passing = gate.pass(MINUTE, stop.signal)
    stop.abort(new Error('stop'))
    await expect(passing).rejects.toThrow('stop')
  })
})
