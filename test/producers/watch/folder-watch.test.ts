import { mkdir, mkdtemp, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FolderWatch } from '../../../src/producers/watch/folder-watch.js'

let root: string
let changed: Set<string>
let watched: FolderWatch
const at = (...names: string[]) => join(root, ...names)
const reports = (...names: string[]) => vi.waitFor(() => expect(changed).toContain(at(...names)), { timeout: 20_000 })

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'unsplash-clip-watch-')))
  changed = new Set()
  await mkdir(at('a', 'b'), { recursive: true })
  await mkdir(at('c'))
  watched = await FolderWatch.open(root, {
    onChange: path => void changed.add(path),
    onFailure: error => expect.fail(error.message),
  })
})
afterEach(async () => {
  watched.close()
  await rm(root, { recursive: true, force: true })
})

test('reports what happens in every folder, also in new ones', async () => {
  await writeFile(at('a', 'b', 'x.jpg'), 'x')
  await reports('a', 'b', 'x.jpg')
  await mkdir(at('d', 'e'), { recursive: true })
  await reports('d')
  await vi.waitFor(() => expect(watched.size).toBe(6), { timeout: 20_000 })
  await writeFile(at('d', 'e', 'y.jpg'), 'y')
  await reports('d', 'e', 'y.jpg')
})

test('follows folders that are renamed, swapped and deleted', async () => {
  await rename(at('a'), at('a2'))
  await reports('a2')
  await rename(at('c'), at('a'))
  await rename(at('a2', 'b'), at('c'))
  await reports('c')
  // Watches are set one after the other: a file that comes before is in a folder that was reported.
  await vi.waitFor(
    async () => {
      await writeFile(at('c', 'x.jpg'), 'x')
      await writeFile(at('a', 'y.jpg'), 'y')
      expect([...changed]).toEqual(expect.arrayContaining([at('c', 'x.jpg'), at('a', 'y.jpg')]))
    },
    { timeout: 20_000 },
  )
  changed.clear()
  await rm(at('a'), { recursive: true })
  await reports('a')
  await vi.waitFor(() => expect(watched.size).toBe(3), { timeout: 20_000 })
})

test('passes over hidden files and folders', async () => {
  await mkdir(at('.thumbnails'))
  await writeFile(at('.thumbnails', 'x.jpg'), 'x')
  await writeFile(at('.y.jpg'), 'y')
  await writeFile(at('z.jpg'), 'z')
  await reports('z.jpg')
  expect([...changed]).toEqual([at('z.jpg')])
})
