import { setImmediate as tick } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { IsolationLock, type Lease } from '../../../src/workers/delivery/isolation-lock.js'

describe('leases of the isolation lock', () => {
  let lock: IsolationLock
  const { signal } = new AbortController()

  beforeEach(() => {
    lock = new IsolationLock()
  })
  afterEach(() => {
    lock.close()
    vi.useRealTimers()
  })

  /** What a promise has come to by now. */
  async function now<T>(promise: Promise<T>): Promise<T | 'waits'> {
    await tick()
    return Promise.race([promise, Promise.resolve('waits' as const)])
  }

  test('are shared', async () => {
    expect(await now(lock.acquireShared(signal))).not.toBe('waits')
    expect(await now(lock.acquireShared(signal))).not.toBe('waits')
  })

  test('are given to a suspect once those at work have ended; no other begins meanwhile', async () => {
    const first = await lock.acquireShared(signal)
    const suspect = lock.acquireExclusive(signal)
    const later = lock.acquireShared(signal)
    expect(await now(suspect)).toBe('waits')
    first.release()
    const lease = (await now(suspect)) as Lease
    expect(lease).not.toBe('waits')
    expect(await now(later)).toBe('waits')
    lease.release()
    expect(await now(later)).not.toBe('waits')
  })

  test('are refused to a suspect beside another, be it at work or waiting', async () => {
    const first = await lock.acquireShared(signal)
    const waiting = lock.acquireExclusive(signal)
    expect(await lock.acquireExclusive(signal)).toBeNull()
    first.release()
    expect(await waiting).not.toBeNull()
    expect(await lock.acquireExclusive(signal)).toBeNull()
    expect(lock.tryAcquireExclusive()).toBeNull()
  })

  test('end for those who wait when they are told to stop', async () => {
    const stop = new AbortController()
    const first = await lock.acquireShared(signal)
    const suspect = lock.acquireExclusive(stop.signal)
    const later = lock.acquireShared(stop.signal)
    stop.abort(new Error('stop'))
    await expect(suspect).rejects.toThrow('stop')
    await expect(later).rejects.toThrow('stop')
    await expect(lock.acquireShared(stop.signal)).rejects.toThrow('stop')
    // Nobody waits to be alone any more.
    expect(await now(lock.acquireShared(signal))).not.toBe('waits')
    first.release()
  })

  test('are kept free for one who must not wait, until he comes back', async () => {
    const first = await lock.acquireShared(signal)
    expect(lock.tryAcquireExclusive()).toBeNull()
    const later = lock.acquireShared(signal)
    expect(await now(later)).toBe('waits')
    first.release()
    expect(await now(later)).toBe('waits')
    const lease = lock.tryAcquireExclusive()
    expect(lease).not.toBeNull()
    lease!.release()
    expect(await now(later)).not.toBe('waits')
  })

  test('are not kept free for ever', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const first = await lock.acquireShared(signal)
    expect(lock.tryAcquireExclusive()).toBeNull()
    const later = lock.acquireShared(signal)
    first.release()
    vi.advanceTimersByTime(10_000)
    expect(await now(later)).not.toBe('waits')
  })
})
