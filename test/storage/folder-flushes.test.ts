import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FolderFlushes } from '../../src/storage/folder-flushes.js'

let folder: string
let flushes: FolderFlushes

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unsplash-clip-flushes-'))
  flushes = new FolderFlushes()
})
afterEach(() => rmSync(folder, { recursive: true }))

test('Many may ask for a flush side by side, and again', async () => {
  const put = async (name: string) => {
    writeFileSync(join(folder, name), '')
    await flushes.flush(folder)
  }
  await Promise.all(Array.from({ length: 50 }, (_, i) => put(`first-${i}`)))
  await Promise.all(Array.from({ length: 50 }, (_, i) => put(`second-${i}`)))
})

test('Those who ask while a flush is under way are served by one that begins after it', async () => {
  const first = flushes.flush(folder)
  await Promise.resolve()
  await Promise.resolve()
  const second = flushes.flush(folder)
  const third = flushes.flush(folder)
  expect(second).not.toBe(first)
  expect(third).toBe(second)
  await Promise.all([first, second])
})

test('A flush that fails fails for those who asked for it, and not for those after it', async () => {
  const later = join(folder, 'later')
  const refused = await Promise.allSettled([flushes.flush(later), flushes.flush(later)])
  expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  mkdirSync(later)
  await flushes.flush(later)
})
