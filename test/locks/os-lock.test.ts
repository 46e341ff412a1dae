import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { OsLock } from '../../src/locks/os-lock.js'
import { builtFile } from '../../src/package-root.js'

describe('the lock of the kernel', () => {
  let folder: string
  let path: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'os-lock-'))
    path = join(folder, 'lock')
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const take = () => {
    const lock = OsLock.take(path)
    if (!(lock instanceof OsLock)) throw new Error(`the lock is ${lock}`)
    return lock
  }

  test('is held by one at a time, and free once released', () => {
    const lock = take()
    expect(OsLock.take(path)).toBe('held')
    expect(lock.isInPlace()).toBe(true)
    lock.release()
    take().release()
  })

  test('is not the same lock once its file was removed', () => {
    const lock = take()
    rmSync(path)
    expect(lock.isInPlace()).toBe(false)
    take().release()
    expect(lock.isInPlace()).toBe(false)
    lock.release()
  })

  test('is free as soon as its process was killed', async () => {
    const script = `
      import { OsLock } from ${JSON.stringify(builtFile('locks/os-lock.js'))}
      globalThis.lock = OsLock.take(${JSON.stringify(path)})
      console.log(typeof globalThis.lock)
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    expect(String((await once(child.stdout, 'data'))[0])).toBe('object\n')
    expect(OsLock.take(path)).toBe('held')
    child.kill('SIGKILL')
    await once(child, 'close')
    take().release()
  })
})
