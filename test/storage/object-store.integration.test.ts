import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { ObjectStore } from '../../src/domain/ports/object-store.js'
import { FolderStore } from '../../src/storage/folder-store.js'
import { s3Server } from '../support/servers/s3.js'

/** The least that S3 takes. */
const PART_BYTES = 5 << 20

interface Harness {
  /** An empty store. */
  open(): Promise<ObjectStore>
  close(): Promise<void>
}

const IMPLEMENTATIONS: Record<string, () => Promise<Harness>> = {
  'a folder': async () => {
    const root = await mkdtemp(join(tmpdir(), 'unsplash-clip-objects-'))
    let count = 0
    return {
      open: async () => new FolderStore(join(root, `store-${count++}`)),
      close: () => rm(root, { recursive: true }),
    }
  },
  S3: async () => {
    const server = await s3Server()
    for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value)
    let count = 0
    return {
      open: async () => server.store(`prefix/store-${count++}`, PART_BYTES),
      close: async () => {
        await server.close()
        vi.unstubAllEnvs()
      },
    }
  },
}

async function keys(store: ObjectStore, prefix?: string): Promise<string[]> {
  const found: string[] = []
  for await (const key of store.list(prefix)) found.push(key)
  return found.sort()
}

describe.each(Object.entries(IMPLEMENTATIONS))('Every object store: %s', (_name, start) => {
  let harness: Harness
  const open: ObjectStore[] = []
  const empty = async () => {
    const store = await harness.open()
    open.push(store)
    return store
  }
  beforeAll(async () => {
    harness = await start()
  })
  afterAll(async () => {
    for (const store of open) await store.close()
    await harness?.close()
  })

  test('gives back what was put', async () => {
    const store = await empty()
    await store.put('h512-q65/-N_UwPdUs7E.jpg', Buffer.from('bytes'), 'image/jpeg')
    expect(await store.get('h512-q65/-N_UwPdUs7E.jpg')).toEqual(Buffer.from('bytes'))
    expect(await store.has('h512-q65/-N_UwPdUs7E.jpg')).toBe(true)
  })

  test('gives back any bytes under any key', async () => {
    const store = await empty()
    const segment = fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}$/)
    await fc.assert(
      fc.asyncProperty(segment, segment, fc.uint8Array({ maxLength: 4096 }), async (folder, name, bytes) => {
        const key = `d-${folder}/f-${name}`
        await store.put(key, bytes, 'application/octet-stream')
        expect(await store.get(key)).toEqual(Buffer.from(bytes))
      }),
      { numRuns: 30 },
    )
  })

  test.each([
    ['nothing', 0],
    ['one part', 1000],
    ['parts', 2 * PART_BYTES + 77],
  ])('takes a file of %s', async (_, size) => {
    const store = await empty()
    const bytes = Buffer.alloc(size, 'abcdefg')
    const folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-file-'))
    try {
      const file = join(folder, 'shard')
      await writeFile(file, bytes)
      await store.putFile('shards/0.tar', file, 'application/x-tar')
      expect((await store.get('shards/0.tar'))!.equals(bytes)).toBe(true)
      expect(await keys(store)).toEqual(['shards/0.tar'])
      await expect(store.putFile('shards/1.tar', join(folder, 'missing'), 'application/x-tar')).rejects.toThrow(
        'ENOENT',
      )
      expect(await keys(store)).toEqual(['shards/0.tar'])
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('replaces what was there', async () => {
    const store = await empty()
    await store.put('a.jpg', Buffer.from('a long first version'), 'image/jpeg')
    await store.put('a.jpg', Buffer.from('second'), 'image/jpeg')
    expect(await store.get('a.jpg')).toEqual(Buffer.from('second'))
    expect(await keys(store)).toEqual(['a.jpg'])
  })

  test('gives null for what is not there', async () => {
    const store = await empty()
    await store.put('folder/file', Buffer.from('x'), 'text/plain')
    for (const key of ['nothing', 'folder/nothing', 'no/folder']) {
      expect(await store.get(key)).toBeNull()
      expect(await store.has(key)).toBe(false)
    }
  })

  test('does not take a folder for an object', async () => {
    const store = await empty()
    await store.put('folder/file', Buffer.from('x'), 'text/plain')
    expect(await store.has('folder')).toBe(false)
    expect(await store.get('folder')).toBeNull()
    await store.delete('folder')
    expect(await store.has('folder/file')).toBe(true)
  })

  test('deletes, also what is not there', async () => {
    const store = await empty()
    await store.put('a', Buffer.from('x'), 'text/plain')
    await store.delete('a')
    await store.delete('a')
    expect(await store.has('a')).toBe(false)
  })

  test('deletes many at once, also among what is not there, and nothing else', async () => {
    const store = await empty()
    for (const key of ['a/1', 'a/2', 'b']) await store.put(key, Buffer.from('x'), 'text/plain')
    await store.deleteAll(['a/1', 'b', ...Array.from({ length: 1100 }, (_, i) => `none/${i}`)])
    expect(await keys(store)).toEqual(['a/2'])
    await store.deleteAll([])
    await expect(store.deleteAll(['a/2', '../outside'])).rejects.toThrow()
  })

  test('lists every key below a prefix, which need not end at a slash', async () => {
    const store = await empty()
    for (const key of ['a/1', 'a/2', 'a/deep/er/3', 'ab/4', 'b/5', 'top']) await store.put(key, Buffer.from('x'), 'x/y')
    expect(await keys(store)).toEqual(['a/1', 'a/2', 'a/deep/er/3', 'ab/4', 'b/5', 'top'])
    expect(await keys(store, 'a')).toEqual(['a/1', 'a/2', 'a/deep/er/3', 'ab/4'])
    expect(await keys(store, 'a/')).toEqual(['a/1', 'a/2', 'a/deep/er/3'])
    expect(await keys(store, 'a/d')).toEqual(['a/deep/er/3'])
    expect(await keys(store, 'nothing/')).toEqual([])
    expect(await keys(store, '../')).toEqual([])
  })

  test('lists nothing while nothing was put', async () => {
    expect(await keys(await empty())).toEqual([])
  })

  test.each([
    '',
    '/etc/passwd',
    '../outside',
    'a/../../outside',
    'a/./b',
    'a//b',
    'a/',
    '..',
    'a\\b',
    'a b',
    'a\0b',
    'é',
    'x'.repeat(1025),
  ])('refuses the key %j', async key => {
    const store = await empty()
    for (const use of [store.put(key, Buffer.from('x'), 'x/y'), store.get(key), store.has(key), store.delete(key)])
      await expect(use).rejects.toThrow(RangeError)
  })

  test('passes its check when it can be written, and the check leaves nothing behind', async () => {
    const store = await empty()
    await store.check()
    await store.check()
    expect(await keys(store)).toEqual([])
  })

  test('names its location without credentials', async () => {
    expect((await empty()).location).toMatch(/^(\/|s3:\/\/[a-z0-9-]+\/)/)
  })
})
