import { setImmediate as tick } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Turn, Turns } from '../../../src/workers/turns.js'

describe('turns', () => {
  let turns: Turns
  const { signal } = new AbortController()

  beforeEach(() => {
    turns = new Turns()
  })
  afterEach(() => {
    turns.close()
    vi.useRealTimers()
  })

  /** What a promise has come to by now. */
  async function now<T>(promise: Promise<T>): Promise<T | 'waits'> {
    await tick()
    return Promise.race([promise, Promise.resolve('waits' as const)])
  }

  it('are shared', async () => {
    expect(await now(turns.shared(signal))).not.toBe('waits')
    expect(await now(turns.shared(signal))).not.toBe('waits')
  })

  it('are given to a suspect once those at work have ended; no other begins meanwhile', async () => {
    const first = await turns.shared(signal)
    const suspect = turns.alone(signal)
    const later = turns.shared(signal)
    expect(await now(suspect)).toBe('waits')
    first.end()
    const turn = (await now(suspect)) as Turn
    expect(turn).not.toBe('waits')
    expect(await now(later)).toBe('waits')
    turn.end()
    expect(await now(later)).not.toBe('waits')
  })

  it('are refused to a suspect beside another, be it at work or waiting', async () => {
    const first = await turns.shared(signal)
    const waiting = turns.alone(signal)
    expect(await turns.alone(signal)).toBeNull()
    first.end()
    expect(await waiting).not.toBeNull()
    expect(await turns.alone(signal)).toBeNull()
    expect(turns.aloneNow()).toBeNull()
  })

  it('end for those who wait when they are told to stop', async () => {
    const stop = new AbortController()
    const first = await turns.shared(signal)
    const suspect = turns.alone(stop.signal)
    const later = turns.shared(stop.signal)
    stop.abort(new Error('stop'))
    await expect(suspect).rejects.toThrow('stop')
    await expect(later).rejects.toThrow('stop')
    await expect(turns.shared(stop.signal)).rejects.toThrow('stop')
    // Nobody waits to be alone any more.
    expect(await now(turns.shared(signal))).not.toBe('waits')
    first.end()
  })

  it('are kept free for one who must not wait, until he comes back', async () => {
    const first = await turns.shared(signal)
    expect(turns.aloneNow()).toBeNull()
    const later = turns.shared(signal)
    expect(await now(later)).toBe('waits')
    first.end()
    expect(await now(later)).toBe('waits')
    const turn = turns.aloneNow()
    expect(turn).not.toBeNull()
    turn!.end()
    expect(await now(later)).not.toBe('waits')
  })

  it('are not kept free for ever', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const first = await turns.shared(signal)
    expect(turns.aloneNow()).toBeNull()
    const later = turns.shared(signal)
    first.end()
    vi.advanceTimersByTime(10_000)
    expect(await now(later)).not.toBe('waits')
  })
})
