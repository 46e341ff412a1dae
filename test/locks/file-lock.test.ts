import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FileLock, livenessOf, lockOwner, withFileLock } from '../../src/locks/file-lock.js'
import { thisPlace } from '../../src/locks/process-identity.js'

describe('a lock file', () => {
  let folder: string
  let path: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'file-lock-'))
    path = join(folder, 'lock')
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const acquire = () => {
    const found = FileLock.tryAcquire(path, { url: 'here' })
    if (!(found instanceof FileLock)) throw new Error('the lock is held')
    return found
  }
  const silence = () => {
    const before = new Date(Date.now() - 61_000)
    utimesSync(path, before, before)
  }

  test('names its owner, and is gone once released', () => {
    const lock = acquire()
    expect(FileLock.tryAcquire(path, {})).toMatchObject({ pid: process.pid, url: 'here' })
    lock.publish({ url: 'there' })
    expect(lockOwner(path)).toMatchObject({ token: lock.content.token, url: 'there' })
    lock.release()
    expect(lockOwner(path)).toBeNull()
    expect(readdirSync(folder)).toEqual([])
  })

  test('of a process that is gone, or of a later one with its number, is taken over', () => {
    for (const identity of ['gone', `${process.pid}@0`]) {
      const { content } = acquire()
      writeFileSync(path, JSON.stringify({ ...content, identity }))
      expect(lockOwner(path)).toBeNull()
      expect(FileLock.tryAcquire(path, {})).toBeNull()
      acquire().release()
    }
  })

  test('that is not readable is taken over', () => {
    writeFileSync(path, '{')
    expect(FileLock.tryAcquire(path, {})).toBeNull()
    acquire().release()
  })

  test('of a living but silent process expires only where that is asked for', () => {
    const lock = acquire()
    silence()
    expect(FileLock.tryAcquire(path, {})).toMatchObject({ pid: process.pid })
    expect(FileLock.tryAcquire(path, {}, { expiresWhenSilent: true })).toBeNull()
    const next = acquire()
    expect(lock.touch()).toBe(false)
    lock.release()
    expect(next.touch()).toBe(true)
  })

  test('of a process that cannot be seen from here is kept while it is touched, by the clock of the file system', () => {
    for (const place of [
      { boot: 'another', pidNamespace: 'pid:[1]', machine: 'another', host: 'elsewhere' },
      { ...thisPlace(), pidNamespace: 'pid:[1]' },
      // Copies of a machine have one name and one machine id.
      { ...thisPlace(), boot: 'another' },
    ]) {
      const lock = acquire()
      writeFileSync(path, JSON.stringify({ ...lock.content, pid: 1, identity: 'unknown here', place }))
      vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 120_000)
      expect(FileLock.tryAcquire(path, {})).toMatchObject({ pid: 1 })
      expect(livenessOf(lockOwner(path)!)).toBe('unknown')
      vi.restoreAllMocks()
      silence()
      expect(lockOwner(path)).toBeNull()
      expect(FileLock.tryAcquire(path, {})).toBeNull()
    }
  })

  test('gets its time from the file system when it is touched, not from the clock of this process', () => {
    const lock = acquire()
    silence()
    const before = statSync(path).mtimeMs
    vi.useFakeTimers({ now: 0, toFake: ['Date'] })
    expect(lock.touch()).toBe(true)
    vi.useRealTimers()
    expect(statSync(path).mtimeMs).toBeGreaterThan(before)
    expect(lockOwner(path)).toEqual(lock.content)
  })

  test('lets one piece of work run at a time, in turn', async () => {
    let running = 0
    const waited: number[] = []
    const work = async () => {
      expect(++running).toBe(1)
      await pause(50)
      running--
    }
    await Promise.all([1, 2, 3].map(() => withFileLock(path, work, { onWait: pid => waited.push(pid) })))
    expect(new Set(waited)).toEqual(new Set([process.pid]))
    expect(existsSync(path)).toBe(false)
  })

  test('ends its wait when the signal is aborted', async () => {
    acquire()
    const stop = AbortSignal.timeout(100)
    await expect(withFileLock(path, async () => {}, { signal: stop })).rejects.toThrow()
  })
})
