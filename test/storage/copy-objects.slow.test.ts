import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { assertDistinctObjects } from '../../src/storage/distinct-places.js'
import { Sandbox } from '../support/cli.js'
import { type S3Server, s3Server } from '../support/servers/s3.js'
import { until } from '../support/until.js'

const COPIES = 400
let server: S3Server
let folder: string
let sandbox: Sandbox

beforeAll(async () => {
  server = await s3Server()
  folder = await mkdtemp(join(tmpdir(), 'uc-copies-'))
  await mkdir(join(folder, 'from', 'h512-q65'), { recursive: true })
  for (let i = 0; i < COPIES; i++)
    await writeFile(join(folder, 'from', 'h512-q65', `photo-${i}.jpg`), Buffer.alloc(3000 + i, i % 256))
  sandbox = await Sandbox.createEmpty({
    OBJECT_STORE: join(folder, 'from'),
    S3_ENDPOINT: server.endpoint,
    S3_FORCE_PATH_STYLE: 'true',
    ...server.env,
  })
})
afterAll(async () => {
  await sandbox?.close()
  await server?.close()
  await rm(folder, { recursive: true })
})

async function keysOf(prefix: string): Promise<string[]> {
  Object.assign(process.env, server.env)
  const store = server.store(prefix)
  const keys: string[] = []
  for await (const key of store.list()) keys.push(key)
  await store.close()
  return keys
}

test('Copies go to S3 and back, through a kill, and the source stays', async () => {
  const place = `s3://${server.bucket}/moved`
  const killed = sandbox.start('store', 'move', '--to', place)
  await until('some copies in the bucket', async () => (await keysOf('moved')).length > 20)
  killed.child.kill('SIGKILL')
  // On a busy machine it may have ended before.
  await killed.finished
  const [before] = [await keysOf('moved')]

  const moved = await sandbox.run('store', 'move', '--to', place, '--json')
  expect(moved.code, moved.stderr).toBe(0)
  const [result] = moved.objects() as [{ copied: number; present: number; removed: number }]
  expect(result.copied + result.present).toBe(COPIES)
  expect(result.present).toBeGreaterThanOrEqual(Math.min(before!.length, 20))
  expect(result.removed).toBe(0)
  expect(await readdir(join(folder, 'from', 'h512-q65'))).toHaveLength(COPIES)

  const back = await Sandbox.createEmpty({ ...sandbox.environment, OBJECT_STORE: place })
  const { stdout } = await back.run('store', 'move', '--to', join(folder, 'back'))
  expect(stdout).toContain(`400 copies (1.3 MB) are in ${join(folder, 'back')}, compared byte by byte: 400 written`)
  await back.close()
  for (const name of ['photo-0.jpg', 'photo-399.jpg'])
    expect(await readFile(join(folder, 'back', 'h512-q65', name))).toEqual(
      await readFile(join(folder, 'from', 'h512-q65', name)),
    )
})

test('An object of the same name with other bytes is kept, and named', async () => {
  const other = join(folder, 'other', 'h512-q65')
  await mkdir(other, { recursive: true })
  await writeFile(join(other, 'photo-7.jpg'), 'mine')
  const refused = await sandbox.run('store', 'move', '--to', join(folder, 'other'), '--delete-source')
  expect(refused.stderr).toMatch(/^STORE_DIFFERS: .*h512-q65\/photo-7\.jpg\. All other copies are there\./)
  expect(refused.code).toBe(1)
  expect(await readFile(join(other, 'photo-7.jpg'), 'utf8')).toBe('mine')
  expect(await readdir(other)).toHaveLength(COPIES)
  expect(await readdir(join(folder, 'from', 'h512-q65'))).toHaveLength(COPIES)

  const replaced = await sandbox.run('store', 'move', '--to', join(folder, 'other'), '--overwrite', '--delete-source')
  expect(replaced.stdout).toContain('1 written, 399 were there already')
  expect(replaced.stdout).toContain('400 copies were removed from')
  expect(await readdir(join(folder, 'from', 'h512-q65'))).toEqual([])
  expect(await readdir(other)).toHaveLength(COPIES)
})

/** A folder with two copies in `photos`. `files`: what is in `photos`. */
async function fewCopies(): Promise<{ place: string; files: () => Promise<string[]> }> {
  const place = await mkdtemp(join(folder, 'few-'))
  await mkdir(join(place, 'photos', 'h512-q65'), { recursive: true })
  for (const name of ['a.jpg', 'b.jpg']) await writeFile(join(place, 'photos', 'h512-q65', name), name)
  const files = async () => (await readdir(join(place, 'photos'), { recursive: true })).sort()
  return { place, files }
}

const TWO_COPIES = ['h512-q65/a.jpg', 'h512-q65/b.jpg']

test('The same place under another name, a part of it and one that contains it are refused, and lose nothing', async () => {
  const { place, files } = await fewCopies()
  await symlink('photos', join(place, 'link'))
  const home = await Sandbox.createEmpty({ OBJECT_STORE: join(place, 'photos') })
  for (const [to, relation] of [
    ['link', 'the same place'],
    ['photos/new', 'a part of it'],
    ['link/new', 'a part of it'],
    ['.', 'a place that contains it'],
  ] as const) {
    const { stderr, code } = await home.run('store', 'move', '--to', join(place, to), '--delete-source')
    expect(stderr).toContain(
      `USAGE: --to expects another place than the present one, ${join(place, 'photos')}, found ${join(place, to)}: ${relation}. `,
    )
    expect(code).toBe(2)
    expect(await files()).toEqual(['h512-q65', ...TWO_COPIES])
  }
  await home.close()
})

test('A folder of the new place that links to the former one loses nothing', async () => {
  const { place, files } = await fewCopies()
  await mkdir(join(place, 'new'))
  await symlink(join('..', 'photos', 'h512-q65'), join(place, 'new', 'h512-q65'))
  const home = await Sandbox.createEmpty({ OBJECT_STORE: join(place, 'photos') })
  const { stderr } = await home.run('store', 'move', '--to', join(place, 'new'), '--delete-source')
  expect(stderr).toMatch(/^STORE_DIFFERS: .*under another name \(a link\?\)\. It was put back/)
  expect((await files()).filter(name => name.endsWith('.jpg'))).toEqual(TWO_COPIES)
  await home.close()
})

test('A prefix of the same bucket within or around the former one is refused, one beside it is not', async () => {
  Object.assign(process.env, server.env)
  const store = server.store('whole/photos')
  for (const name of ['a.jpg', 'b.jpg']) await store.put(`h512-q65/${name}`, Buffer.from(name), 'image/jpeg')
  await store.close()
  const at = (prefix: string) => `s3://${server.bucket}/${prefix}`
  const home = await Sandbox.createEmpty({ ...sandbox.environment, OBJECT_STORE: at('whole/photos') })
  for (const prefix of ['whole', 'whole/photos/new']) {
    const { stderr } = await home.run('store', 'move', '--to', at(prefix), '--delete-source')
    expect(stderr).toMatch(/^USAGE: --to expects another place than the present one, .*: a (part of|place that)/)
    expect((await keysOf('whole')).sort()).toEqual(TWO_COPIES.map(key => `photos/${key}`))
  }
  const { stdout } = await home.run('store', 'move', '--to', at('whole/photos2'), '--delete-source')
  expect(stdout).toContain('2 copies were removed')
  expect((await keysOf('whole')).sort()).toEqual(TWO_COPIES.map(key => `photos2/${key}`))
  await home.close()
})

test('An alias of the former place, or of a part of it, is found by an object that is written there', async () => {
  Object.assign(process.env, server.env)
  const [whole, part, beside] = [server.store('alias'), server.store('alias/part'), server.store('beside')]
  const { signal } = new AbortController()
  const same = { code: 'USAGE', message: expect.stringContaining('the same place under another name') }
  await expect(assertDistinctObjects(whole, server.store('alias'), signal)).rejects.toMatchObject(same)
  await expect(assertDistinctObjects(whole, part, signal)).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('a part of it under another name'),
  })
  await assertDistinctObjects(whole, beside, signal)
  expect(await keysOf('alias')).toEqual([])
  expect(await keysOf('beside')).toEqual([])
  for (const store of [whole, part, beside]) await store.close()
})

test('Photos of the user that lie in the same folder are neither copied nor removed', async () => {
  const { place } = await fewCopies()
  const photos = join(place, 'photos')
  for (const name of ['holiday.jpg', 'h512-q65/notes.txt']) await writeFile(join(photos, name), 'mine')
  const home = await Sandbox.createEmpty({ OBJECT_STORE: photos })
  const { stdout } = await home.run('store', 'move', '--to', join(place, 'new'), '--delete-source')
  expect(stdout).toContain('2 copies were removed')
  expect((await readdir(photos, { recursive: true })).sort()).toEqual(['h512-q65', 'h512-q65/notes.txt', 'holiday.jpg'])
  const moved = await readdir(join(place, 'new'), { recursive: true })
  expect(moved.filter(name => /\.(jpg|txt)$/.test(name)).sort()).toEqual(TWO_COPIES)
  await home.close()
})

test('The same place, and a place without copies, are errors', async () => {
  const same = await sandbox.run('store', 'move', '--to', join(folder, 'from'))
  expect(same.stderr).toMatch(/^USAGE: --to expects another place/)
  const none = await sandbox.run('store', 'move', '--to', join(folder, 'new'))
  expect(none.stderr).toMatch(/^NOT_FOUND: Expected copies in /)
})
