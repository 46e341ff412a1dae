import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { Sandbox } from '../../support/cli.js'

interface Row extends Record<string, unknown> {
  photo_id: string
  path: string
}

/** A small picture of one colour, written two hours ago: its time is older than what has to be read again. */
async function picture(path: string, colour: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(
    path,
    await sharp({ create: { width: 40, height: 30, channels: 3, background: colour } })
      .png()
      .toBuffer(),
  )
  const before = new Date(Date.now() - 2 * 3600 * 1000)
  await utimes(path, before, before)
}

describe('photos of folders', () => {
  let sandbox: Sandbox
  let root: string
  let database: Database
  const at = (name: string) => join(root, name)
  const ingest = async (...args: string[]) => {
    const finished = await sandbox.run('ingest', ...args, '--label-set', 'none', '--json')
    const [summary] = finished.objects()
    return { ...finished, summary: summary! }
  }
  /** Paths by photo id. */
  const places = async () => {
    const rows = await database.query<Row>('select photo_id, path from photo_places order by path')
    const ids = [...new Set(rows.map(row => row.photo_id))]
    return ids.map(id => rows.filter(row => row.photo_id === id).map(row => row.path.slice(root.length + 1)))
  }

  beforeAll(async () => {
    sandbox = await Sandbox.create()
    root = await mkdtemp(join(tmpdir(), 'unsplash-clip-photos-'))
    await picture(at('2022/IMG_0001.png'), 'red')
    await picture(at('2023/IMG_0001.png'), 'green')
    await picture(at('2023/IMG_0002.png'), 'blue')
    await cp(at('2023/IMG_0002.png'), at('2022/copy of blue.png'), { preserveTimestamps: true })
    const first = await sandbox.run('ingest', at('2022'), '--processes', '1', '--label-set', 'none')
    expect(first.stderr + first.stdout).toContain('2 of 2 photos embedded')
    database = await openDatabase({ url: (await sandbox.run('db', 'url')).stdout.trim() })
  })
  afterAll(async () => {
    await database?.close()
    await sandbox.close()
    await rm(root, { recursive: true, force: true })
  })

  test('are told apart by content: one name in two folders is two photos, equal files are one with two places', async () => {
    const { summary } = await ingest(at('2023'), '--processes', '1')
    expect(summary).toMatchObject({ photos: 2, enqueuedPhotos: 1, alreadyEmbedded: 1 })
    expect(await places()).toEqual([
      ['2022/IMG_0001.png'],
      ['2022/copy of blue.png', '2023/IMG_0002.png'],
      ['2023/IMG_0001.png'],
    ])
    expect(await database.query('select from embeddings')).toHaveLength(3)
  })

  test('are the same through a folder, its parent or a link, and none of them is encoded again', async () => {
    const { summary } = await ingest(root, at('2022'))
    expect(summary).toMatchObject({ rows: 6, photos: 3, copies: 3, enqueuedPhotos: 0, alreadyEmbedded: 3 })
  })

  test('keep their vector when they move, and are read by a worker of this home that was told of no folder', async () => {
    await rename(at('2023/IMG_0001.png'), at('2022/moved.png'))
    await picture(at('2023/IMG_0003.png'), 'yellow')
    const { summary, stdout } = await ingest(root)
    expect(summary).toMatchObject({ photos: 4, enqueuedPhotos: 1, alreadyEmbedded: 3 })
    expect(stdout).not.toContain('allow-folder')
    const worker = await sandbox.run('worker', '--until-idle')
    expect(worker.code).toBe(0)
    expect(await database.query('select from failures')).toEqual([])
    expect(await database.query('select from embeddings')).toHaveLength(4)
    const [moved] = await database.query<{ url: string }>(
      `select photo_image_url as url from photos join photo_places using (photo_id) where path like '%moved.png'`,
    )
    expect(moved!.url).toBe(pathToFileURL(at('2022/moved.png')).href)
  })

  test('are other photos once they are edited', async () => {
    await picture(at('2022/IMG_0001.png'), 'black')
    const { summary } = await ingest(root, '--processes', '1')
    expect(summary).toMatchObject({ photos: 4, alreadyEmbedded: 3 })
    const found = await sandbox.run('search', '--image', at('2022/IMG_0001.png'), '-k', '1', '--json')
    expect(found.objects()[0]).toMatchObject({ score: expect.closeTo(1, 3) })
  })

  test('fail by name when they change between ingest and worker, until the next ingest', async () => {
    await picture(at('2023/IMG_0004.png'), 'white')
    await ingest(root)
    await picture(at('2023/IMG_0004.png'), 'purple')
    await sandbox.run('worker', '--until-idle')
    expect(await database.query('select code, message from failures')).toEqual([
      { code: 'CONTENT_CHANGED', message: expect.stringContaining(`${at('2023/IMG_0004.png')} has changed`) },
    ])
    await picture(at('2023/IMG_0004.png'), 'white')
    const { summary } = await ingest(root, '--processes', '1')
    expect(summary).toMatchObject({ previouslyFailed: 0 })
    expect(await database.query('select from failures')).toEqual([])
  })

  describe('--sync', () => {
    const sync = (...args: string[]) => ingest(root, '--sync', ...args)
    const copies = async () =>
      (await readdir(join(sandbox.home, 'objects'), { recursive: true })).filter(name => /\.jpg$/.test(name))

    test('asks for --yes before it removes more than a tenth', async () => {
      const before = await places()
      await rm(at('2022/moved.png'))
      const { code, stdout, summary } = await sync()
      expect(code).toBe(1)
      expect(summary).toMatchObject({ alreadyEmbedded: 4 })
      // The former content of IMG_0001, and the file that is gone.
      expect(JSON.parse(stdout.trim().split('\n')[1]!)).toMatchObject({
        sync: { vanished: 2, of: 6, isRefused: true, photos: 0 },
      })
      expect(await places()).toEqual(before)
    })

    test('removes what is gone with its copies, and keeps a photo with another place', async () => {
      await rm(at('2022/copy of blue.png'))
      const { code, stdout } = await sync('--yes')
      expect(code).toBe(0)
      expect(JSON.parse(stdout.trim().split('\n')[1]!)).toMatchObject({ sync: { photos: 2, isRefused: false } })
      expect(await places()).toEqual([
        ['2022/IMG_0001.png'],
        ['2023/IMG_0002.png'],
        ['2023/IMG_0003.png'],
        ['2023/IMG_0004.png'],
      ])
      expect(await database.query('select from photos')).toHaveLength(4)
      const stored = await database.query<{ key: string }>('select stored_key as key from embeddings')
      expect((await copies()).toSorted()).toEqual(stored.map(({ key }) => key).toSorted())
      expect(await database.query('select from removed_copies')).toEqual([])
      const [blue] = await database.query<{ url: string }>(
        `select photo_image_url as url from photos join photo_places using (photo_id) where path like '%0002.png'`,
      )
      expect(blue!.url).toBe(pathToFileURL(at('2023/IMG_0002.png')).href)
    })

    test('has nothing to do when nothing is gone, and empties what is empty', async () => {
      expect((await sandbox.run('ingest', root, '--sync', '--label-set', 'none')).stdout).toContain('none was removed')
      await rename(at('2023'), join(root, '..', '2023-elsewhere'))
      await rename(at('2022/IMG_0001.png'), at('2022/.hidden.png'))
      expect((await sync()).code).toBe(1)
      await rename(at('2022/.hidden.png'), at('2022/IMG_0001.png'))
      await rename(join(root, '..', '2023-elsewhere'), at('2023'))
      expect(await database.query('select from photos')).toHaveLength(4)
    })

    test.each([
      [['--only-missing', '--sync'], /--sync compares the database with a whole input/],
      [['.', '--sync', '--limit', '3'], /leave out --sample, --limit/],
      [['.', '--yes'], /--yes confirms what --sync or --watch removes/],
      [
        ['photos.jsonl', '--sync', '--yes'],
        /found JSON Lines or Parquet: their photos cannot be told from those of other/,
      ],
    ])('%j is wrong usage', async (args, message) => {
      await writeFile(join(sandbox.home, 'photos.jsonl'), '{"url":"https://photos.test/1.jpg"}\n')
      const { code, stderr } = await sandbox.run('ingest', ...args)
      expect([code, stderr]).toEqual([2, expect.stringMatching(message)])
    })
  })

  describe('photo rm', () => {
    const idOf = async (path: string) => {
      const [row] = await database.query<{ id: string }>('select photo_id as id from photo_places where path = $1', [
        at(path),
      ])
      return row!.id
    }

    test('counts first, refuses unknown ids, and expects --yes without a terminal', async () => {
      const id = await idOf('2023/IMG_0003.png')
      expect((await sandbox.run('photo', 'rm', id, 'no-such-id', '--yes')).stderr).toContain(
        'found none with no-such-id',
      )
      expect((await sandbox.run('photo', 'rm', id, '--dry-run')).stdout).toContain('Would remove 1 of 4 photos')
      expect((await sandbox.run('photo', 'rm', id)).code).toBe(2)
      expect(await database.query('select from photos')).toHaveLength(4)
    })

    test('removes a photo with everything but its file, and the next ingest brings it back', async () => {
      const id = await idOf('2023/IMG_0003.png')
      const { stdout } = await sandbox.run('photo', 'rm', id, '--yes')
      expect(stdout).toContain('Removed 1 photo and 1 stored copy; 3 are left.')
      expect(existsSync(at('2023/IMG_0003.png'))).toBe(true)
      expect((await ingest(root, '--processes', '1')).summary).toMatchObject({ enqueuedPhotos: 1 })
      expect(await database.query('select from embeddings')).toHaveLength(4)
    })

    test('takes the name of a file without extension in a list for a path', async () => {
      await cp(at('2023/IMG_0003.png'), join(sandbox.home, 'scan'))
      expect((await sandbox.run('ingest', 'scan')).code).toBe(0)
      const list = join(sandbox.home, 'scans.txt')
      await writeFile(list, 'scan\n')
      const { stdout, stderr } = await sandbox.run('photo', 'rm', '--from', list, '--dry-run')
      expect([stdout, stderr]).toEqual([expect.stringContaining('Would remove 1 of 4 photos'), ''])
    })

    test('takes a list of ids, URLs and paths, and says which lines name no photo', async () => {
      const list = join(sandbox.home, 'takedown.txt')
      const lines = [
        '# a list',
        await idOf('2022/IMG_0001.png'),
        pathToFileURL(at('2023/IMG_0002.png')).href,
        at('2023/IMG_0003.png'),
      ]
      await writeFile(list, [...lines, 'https://example.org/nothing.jpg', ''].join('\n'))
      const { stdout, stderr } = await sandbox.run('photo', 'rm', '--from', list, '--yes')
      expect(stderr).toContain('1 line names no photo: https://example.org/nothing.jpg')
      expect(stdout).toContain('Removed 3 photos and 3 stored copies; 1 is left.')
    })

    test('takes a condition', async () => {
      const { stdout } = await sandbox.run('photo', 'rm', '--where', 'photo_image_url~IMG_0004', '--yes')
      expect(stdout).toContain('Removed 1 photo')
      expect((await sandbox.run('photo', 'rm', '--where', 'photo_image_url~IMG')).stdout).toContain(
        'No photo to remove.',
      )
    })
  })

  describe('a table with --images', () => {
    let table: string
    beforeAll(async () => {
      table = join(sandbox.home, 'photos-1k.csv')
      const rows = ['aaaaaaaaaa1', 'bbbbbbbbbb2'].map(id => `${id},https://images.example/${id}`)
      await writeFile(table, ['photo_id,photo_image_url', ...rows, ''].join('\n'))
      await picture(at('1k/aaaaaaaaaa1.png'), 'orange')
    })

    test('reads the images from the folder, and a retry does too', async () => {
      const images = ['--images', at('1k')]
      const first = await sandbox.run('ingest', table, ...images, '--processes', '1', '--label-set', 'none')
      expect(first.stdout).toContain('1 of 2 photos embedded')
      expect(first.stdout).toContain('FILE_NOT_FOUND')
      await picture(at('1k/bbbbbbbbbb2.png'), 'brown')
      const retry = await sandbox.run('ingest', '--retry-failed', '--processes', '1', '--label-set', 'none')
      expect(retry.stdout).toContain('1 of 1 photo embedded')
    })

    test('says which images it passes over for their extension', async () => {
      await cp(at('1k/bbbbbbbbbb2.png'), at('1k/cccccccccc3.webp'))
      const { stderr } = await sandbox.run('ingest', table, '--images', at('1k'), '--label-set', 'none')
      expect(stderr).toContain('found 2 .png, 1 .webp. Only .png is read. Rename the others to it')
      await rm(at('1k/cccccccccc3.webp'))
    })

    test('needs a table, and a folder with images', async () => {
      expect((await sandbox.run('ingest', '--only-missing', '--images', at('1k'))).stderr).toContain('name the table')
      expect((await sandbox.run('ingest', table, '--images', at('2023-none'))).stderr).toContain(
        '--images expects a folder',
      )
    })

    test('--sync of a table requires --yes for whatever it removes', async () => {
      await writeFile(table, 'photo_id,photo_image_url\naaaaaaaaaa1,https://images.example/aaaaaaaaaa1\n')
      const options = ['--images', at('1k'), '--sync', '--label-set', 'none']
      const refused = await sandbox.run('ingest', table, ...options)
      expect([refused.code, refused.stdout]).toEqual([
        1,
        expect.stringContaining('no longer has 1 of 2 photos (50.0 %)'),
      ])
      expect((await sandbox.run('ingest', table, ...options, '--yes')).stdout).toContain('Removed 1 photo that')
    })
  })
})
