import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MANIFEST, type Manifest } from '../../../src/exports/export-state.js'
import { Sandbox } from '../../support/cli.js'
import { embeddedServer, type TestServer } from '../../support/servers/postgres.js'
import { type ScenePhotos, scenePhotos } from '../scene-photos.js'

describe('What export wrote, imported into an empty database and exported again', () => {
  let server: TestServer
  let scenes: ScenePhotos
  let first: Sandbox
  beforeAll(async () => {
    server = await embeddedServer()
    const url = await server.freshUrl()
    scenes = await scenePhotos(url)
    await scenes.database.query(
      `update photos set photo_description = '=1+1, "quoted"' || chr(10) || 'ä', photographer_username = '-dash',
              photo_featured = true, photo_submitted_at = '2020-02-29 12:00:00.5', photo_location_latitude = -0.25,
              photo_location_longitude = 179.5, stats_views = 12345678901
        where photo_id = 'cat-room'`,
    )
    first = await Sandbox.create({ DATABASE_URL: url }, { hosted: true })
  })
  afterAll(async () => {
    await first?.close()
    await scenes?.close()
    await server?.close()
  })

  /** The bytes of the files, by name. */
  async function exported(sandbox: Sandbox, folder: string, args: string[]): Promise<Map<string, Buffer>> {
    const { code, stderr } = await sandbox.run('export', folder, ...args)
    expect([code, stderr]).toEqual([0, ''])
    const { shards } = JSON.parse(await readFile(join(folder, MANIFEST), 'utf8')) as Manifest
    const paths = shards.flatMap(({ files }) => files.map(({ path }) => path))
    return new Map(await Promise.all(paths.map(async path => [path, await readFile(join(folder, path))] as const)))
  }

  test.each([
    [['--format', 'npy']],
    [['--format', 'npy', '--dtype', 'float16']],
    [['--format', 'parquet']],
    [['--format', 'parquet', '--dtype', 'float16']],
    [['--format', 'csv']],
    [['--format', 'jsonl']],
    [['--format', 'webdataset']],
    [['--format', 'tensorboard']],
  ])('%j: the same files', async args => {
    const second = await Sandbox.create({}, { hosted: true })
    try {
      const folder = join(second.home, 'out')
      const before = await exported(first, folder, args)
      expect(before.size).toBeGreaterThan(0)
      const imported = await second.run('import', folder, '--model', 'demo', '--label-set', 'none', '--json')
      expect([imported.code, imported.stderr]).toEqual([0, ''])
      expect(imported.objects()[0]).toMatchObject({
        added: 6,
        scaled: 0,
        badRows: 0,
        valueWarnings: 0,
        leftOut: ['stored_key'],
      })
      const after = await exported(second, join(second.home, 'again'), args)
      expect([...after.keys()]).toEqual([...before.keys()])
      for (const [path, bytes] of before) expect(after.get(path)!.equals(bytes), path).toBe(true)
    } finally {
      await second.close()
    }
  })

  test('a shard that was lost or cut off on the way is named, and nothing is imported', async () => {
    const second = await Sandbox.create({}, { hosted: true })
    try {
      const folder = join(second.home, 'out')
      const [path, bytes] = [...(await exported(first, folder, ['--format', 'jsonl']))][0]!
      for (const [found, prepare] of [
        [`found ${bytes.length - 1}`, () => truncate(join(folder, path), bytes.length - 1)],
        ['found no such file', () => rm(join(folder, path))],
      ] as const) {
        await prepare()
        const { code, stderr } = await second.run('import', folder, '--model', 'demo', '--label-set', 'none')
        expect(code).toBe(2)
        expect(stderr).toContain(`${path}: expected ${bytes.length} bytes, as manifest.json says, ${found}`)
      }
      // Of somebody else.
      await writeFile(join(folder, MANIFEST), '{"shards": [{"files": [{"path": "x", "bytes": 1}]}]}')
      await writeFile(join(folder, path), bytes)
      expect((await second.run('import', folder, '--model', 'demo', '--label-set', 'none')).code).toBe(0)
    } finally {
      await second.close()
    }
  })
})
