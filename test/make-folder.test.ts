import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { makeFolder } from '../src/make-folder.js'

describe('making a folder', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'unsplash-clip-folder-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('makes its parents, with the given rights, and may be repeated', () => {
    const path = join(folder, 'a', 'b')
    for (let i = 0; i < 2; i++) makeFolder(path, 0o700)
    expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o700)
    expect(statSync(path).isDirectory()).toBe(true)
  })

  test('refuses a file in its place or above it', () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    expect(() => makeFolder(file)).toThrow(expect.objectContaining({ code: 'EEXIST' }))
    expect(() => makeFolder(join(file, 'a'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }))
  })

  test.skipIf(!existsSync('/proc/self'))('ends where no folder can be made', () => {
    expect(() => makeFolder('/proc/none/a')).toThrow(expect.objectContaining({ code: 'ENOENT', syscall: 'mkdir' }))
  })
})
