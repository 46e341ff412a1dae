import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { type Running, Sandbox } from '../../support/cli.js'

/** Grey of a level, so every level is another photo. */
async function picture(path: string, grey: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const background = { r: grey, g: grey, b: grey }
  await writeFile(
    path,
    await sharp({ create: { width: 40, height: 30, channels: 3, background } })
      .png()
      .toBuffer(),
  )
}

const SOON = { timeout: 120_000, interval: 100 }

describe('ingest --watch', () => {
  let sandbox: Sandbox
  let root: string
  let database: Database
  let watching: Running
  const at = (...names: string[]) => join(root, ...names)
  const start = (rescan = '3600') =>
    sandbox.start('ingest', root, '--watch', '--processes', '1', '--label-set', 'none', '--json', '--rescan', rescan)
  const lines = () => watching.stdout().split('\n').filter(Boolean)

  /** Embedded photos by path. */
  const embedded = async (): Promise<Record<string, string>> => {
    const rows = await database.query<{ path: string; at: string }>(
      'select path, e.created_at::text as at from photo_places join embeddings e using (photo_id) order by path',
    )
    return Object.fromEntries(rows.map(({ path, at }) => [path.slice(root.length + 1), at]))
  }
  const becomes = (names: string[]) =>
    vi.waitFor(async () => {
      const photos = await database.query<{ count: number }>('select count(*)::int as count from photos')
      expect([Object.keys(await embedded()), watching.stderr()]).toEqual([names.toSorted(), expect.anything()])
      expect(photos[0]!.count).toBe(names.length)
    }, SOON)

  beforeAll(async () => {
    sandbox = await Sandbox.create()
    root = await realpath(await mkdtemp(join(tmpdir(), 'unsplash-clip-watch-')))
    for (let grey = 0; grey < 12; grey++) await picture(at('many', `${grey}.png`), 10 * grey)
    await picture(at('a', 'one.png'), 5)
    watching = start()
    await sandbox.run('db', 'migrate')
    database = await openDatabase({ url: (await sandbox.run('db', 'url')).stdout.trim() })
  })
  afterAll(async () => {
    watching?.child.kill('SIGKILL')
    await watching?.finished
    await database?.close()
    await sandbox?.close()
    await rm(root, { recursive: true, force: true })
  })

  const many = (folder = 'many') => Array.from({ length: 12 }, (_, grey) => join(folder, `${grey}.png`))

  test('embeds what is there, then what is added, also in new folders', async () => {
    await vi.waitFor(() => expect(lines().some(line => line.includes('"watching"'))).toBe(true), SOON)
    await picture(at('new', 'deep', 'two.png'), 6)
    await becomes([...many(), 'a/one.png', 'new/deep/two.png'])
  })

  test('keeps the embeddings of a folder that is renamed, and notices what is written to it afterwards', async () => {
    const before = await embedded()
    await rename(at('many'), at('renamed'))
    await rename(at('new', 'deep'), at('deeper'))
    await becomes([...many('renamed'), 'a/one.png', 'deeper/two.png'])
    const after = await embedded()
    expect(Object.values(after).toSorted()).toEqual(Object.values(before).toSorted())
    await picture(at('renamed', 'three.png'), 7)
    await becomes([...many('renamed'), 'a/one.png', 'deeper/two.png', 'renamed/three.png'])
  })

  test('removes the photo of a file that is deleted, and its copy', async () => {
    await rm(at('a', 'one.png'))
    await becomes([...many('renamed'), 'deeper/two.png', 'renamed/three.png'])
    await vi.waitFor(
      async () => expect(await readdir(join(sandbox.home, 'objects', 'h512-q65'))).toHaveLength(14),
      SOON,
    )
  })

  test('does not remove more than a tenth unasked, says how to, and goes on', async () => {
    await rm(at('renamed', '0.png'))
    await rm(at('renamed', '1.png'))
    await rm(at('renamed', '2.png'))
    await vi.waitFor(() => expect(lines().at(-1)).toContain('"refusal":"too many"'), SOON)
    await picture(at('a', 'four.png'), 8)
    await becomes([...many('renamed'), 'deeper/two.png', 'renamed/three.png', 'a/four.png'])
    const { stdout } = await sandbox.run('ingest', root, '--sync', '--yes', '--label-set', 'none')
    expect(stdout).toContain('Removed 3 photos')
  })

  test('waits for a folder that is away, and keeps its photos', async () => {
    const before = await embedded()
    await rename(root, `${root}-away`)
    await vi.waitFor(() => expect(watching.stderr()).toContain('waiting until it is back'), SOON)
    await rename(`${root}-away`, root)
    await vi.waitFor(() => expect(watching.stderr()).toContain('is back'), SOON)
    await picture(at('b', 'five.png'), 9)
    await becomes([...Object.keys(before), 'b/five.png'])
    expect(await embedded()).toMatchObject(before)
  })

  test('survives kill -9: the next start picks up what changed meanwhile', async () => {
    const before = await embedded()
    watching.child.kill('SIGKILL')
    await watching.finished
    await rename(at('b', 'five.png'), at('five.png'))
    watching = start('1')
    const { 'b/five.png': moved, ...others } = before
    await becomes([...Object.keys(others), 'five.png'])
    expect(await embedded()).toEqual({ ...others, 'five.png': moved })
  })

  test('goes on when a folder goes away while all of it is looked at again and again', async () => {
    for (let times = 1; times <= 2; times++) {
      const told = (text: string) =>
        vi.waitFor(() => expect(watching.stderr().split(text)).toHaveLength(times + 1), SOON)
      await rename(root, `${root}-away`)
      await told('waiting until it is back')
      await rename(`${root}-away`, root)
      await told(`The folder ${root} is back.`)
    }
  })

  test('ends cleanly on Ctrl-C', async () => {
    const closed = once(watching.child, 'close')
    watching.child.kill('SIGINT')
    await closed
    const { code, stderr } = await watching.finished
    expect([code, stderr]).toEqual([0, expect.stringContaining('Stopping')])
  })

  test('is refused for anything but folders', async () => {
    const list = join(sandbox.home, 'urls.txt')
    await writeFile(list, 'https://images.test/1.jpg\n')
    const { code, stderr } = await sandbox.run('ingest', list, '--watch')
    expect([code, stderr]).toEqual([2, expect.stringContaining('--watch expects folders of photos, found an input')])
  })
})
