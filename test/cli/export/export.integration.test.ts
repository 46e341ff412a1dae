import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { MANIFEST, type Manifest, STATE } from '../../../src/exports/export-state.js'
import { atlasFormat } from '../../../src/exports/formats/atlas.js'
import { Sandbox } from '../../support/cli.js'
import { embeddedServer, type TestServer } from '../../support/servers/postgres.js'
import { SCENES, type ScenePhotos, scenePhotos } from '../scene-photos.js'

const IDS = Object.keys(SCENES).sort()

describe('export', () => {
  let server: TestServer
  let scenes: ScenePhotos
  let sandbox: Sandbox
  let target: string
  beforeAll(async () => {
    server = await embeddedServer()
    const url = await server.freshUrl()
    scenes = await scenePhotos(url)
    sandbox = await Sandbox.create({ DATABASE_URL: url }, { hosted: true })
    target = join(sandbox.home, 'out')
  })
  afterEach(() => rm(target, { recursive: true, force: true }))
  afterAll(async () => {
    await scenes?.close()
    await sandbox?.close()
    await server?.close()
  })

  const files = async () =>
    (await readdir(target, { recursive: true, withFileTypes: true }))
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name).slice(target.length + 1))
      .sort()
  const manifest = async () => JSON.parse(await readFile(join(target, MANIFEST), 'utf8')) as Manifest
  const jsonl = async () =>
    (await readFile(join(target, 'photos-00000.jsonl'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, unknown> & { photo_id: string; vector: number[] })
  const exportJsonl = async (...args: string[]): Promise<string[]> => {
    const { code, stderr } = await sandbox.run('export', target, ...args, '--format', 'jsonl')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    return (await jsonl()).map(row => row.photo_id)
  }

  test.each([
    ['parquet', ['README.md', 'data/train-00000.parquet']],
    ['npy', ['img_emb/img_emb_0.npy', 'metadata/metadata_0.parquet']],
    ['csv', ['photos-00000.csv']],
    ['jsonl', ['photos-00000.jsonl']],
    ['tensorboard', ['metadata-00000.tsv', 'projector_config.pbtxt', 'tensors-00000.tsv']],
    ['webdataset', ['00000.tar']],
    ['atlas', ['atlas-00000.parquet']],
  ])('to %s writes its files and a manifest with their digests', async (format, expected) => {
    const { code, stdout, stderr } = await sandbox.run('export', target, '--format', format)
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`^Exported 6 photos to ${target}: ${expected.length} files?, .* in .* s\\.\n$`))
    expect(await files()).toEqual([...expected, MANIFEST].sort())
    const { photos, shards, files: others, model } = await manifest()
    expect({ photos, model }).toMatchObject({ photos: 6, model: { name: 'demo', dimension: 128 } })
    expect(shards).toMatchObject([{ photos: 6, firstId: IDS[0], lastId: IDS.at(-1) }])
    for (const { path, bytes, sha256 } of [...shards.flatMap(shard => shard.files), ...others]) {
      const content = await readFile(join(target, path))
      expect(content.length).toBe(bytes)
      expect(createHash('sha256').update(content).digest('hex')).toBe(sha256)
    }
  })

  test('prints what it wrote as JSON', async () => {
    const { objects } = await sandbox.run('export', target, '--format', 'csv', '--json')
    expect(objects()).toMatchObject([{ target, format: 'csv', photos: 6, shards: 1, files: 1 }])
  })

  test('has the rows in the order of ids, with metadata and labels', async () => {
    await scenes.database.query(`update embeddings set stored_key = 'h1/cat-room.jpg' where photo_id = 'cat-room'`)
    expect((await sandbox.run('labels', 'predict', 'taken_time')).code).toBe(0)
    await sandbox.run('export', target, '--dtype', 'float16')
    const bytes = new Uint8Array(await readFile(join(target, 'data/train-00000.parquet'))).buffer
    const rows = await parquetReadObjects({ file: bytes, compressors })
    expect(rows.map(row => row.photo_id)).toEqual(IDS)
    expect(rows.find(row => row.photo_id === 'cat-room')).toMatchObject({
      photo_description: SCENES['cat-room'],
      photo_image_url: 'https://images.example/cat-room',
      exif_iso: 400,
      stored_key: 'h1/cat-room.jpg',
      label_taken_time: expect.any(String),
      score_taken_time: expect.any(Number),
    })
    const card = await readFile(join(target, 'README.md'), 'utf8')
    expect(card).toMatch(/^---\npretty_name: Photos with embeddings of demo@fp32\n/)
    expect(card).toContain('| label_taken_time | text |')
    expect((await sandbox.run('labels', 'rm', 'taken_time', '--yes')).code).toBe(0)
  })

  test('takes the filters of searches', async () => {
    expect(await exportJsonl('--where', 'exif_iso>=300', '--orientation', 'portrait')).toEqual([
      'blue-boat-night',
      'green-tree',
    ])
    expect((await manifest()).selection).toMatchObject({
      where: [{ column: 'exif_iso', operator: '>=', value: '300' }, { orientation: 'portrait' }],
    })
  })

  test('takes a list of photos', async () => {
    const list = join(sandbox.home, 'ids.txt')
    await writeFile(list, 'green-tree\nblue-boat\nnobody\n')
    expect(await exportJsonl('--photos', list)).toEqual(['blue-boat', 'green-tree'])
    expect((await manifest()).selection).toMatchObject({ where: [{ photos: 3, sha256: expect.any(String) }] })
  })

  test('takes the photos nearest to words, with their similarity', async () => {
    expect(await exportJsonl('a boat on the sea', '-k', '2')).toEqual(['blue-boat', 'blue-boat-night'])
    const [first] = await jsonl()
    const hits = (await sandbox.run('search', 'a boat on the sea', '-k', '2', '--json')).objects()
    expect(first!.score).toBe(hits.find(hit => hit.photo_id === 'blue-boat')!.score)
  })

  test('takes the photos nearest to a photo', async () => {
    expect(await exportJsonl('--photo', 'red-house', '-k', '1')).toEqual(['red-house-night'])
  })

  test('takes a diverse subset, of all photos or of the hits', async () => {
    const subset = await exportJsonl('--diverse', '3', '--where', 'exif_iso>0')
    expect(subset).toHaveLength(3)
    expect(subset).not.toContain('red-house')
    await rm(target, { recursive: true })
    expect(await exportJsonl('a boat', '-k', '3', '--diverse', '2')).toHaveLength(2)
    expect((await jsonl())[0]).toHaveProperty('score')
  })

  test('leaves out metadata that are not wanted', async () => {
    await exportJsonl('--columns', 'exif_iso,photo_width')
    expect(Object.keys((await jsonl())[0]!)).toEqual(['photo_id', 'photo_width', 'exif_iso', 'stored_key', 'vector'])
    await rm(target, { recursive: true })
    await exportJsonl('--columns', 'none')
    expect(Object.keys((await jsonl())[0]!)).toEqual(['photo_id', 'stored_key', 'vector'])
  })

  test('replaces an earlier export only when it is told to, and nothing of the user', async () => {
    await exportJsonl('--columns', 'none')
    const again = await sandbox.run('export', target, '--format', 'csv')
    expect(again.stderr).toMatch(/^TARGET_NOT_EMPTY: .* holds a complete export\. Replace it with --replace/)
    expect(again.code).toBe(1)
    expect((await sandbox.run('export', target, '--format', 'parquet', '--replace')).code).toBe(0)
    expect(await files()).toEqual(['README.md', 'data/train-00000.parquet', MANIFEST].sort())

    await writeFile(join(target, 'README.md'), 'What I found in them')
    const edited = await sandbox.run('export', target, '--replace')
    expect(edited.stderr).toMatch(/^TARGET_NOT_EMPTY: .* found "README\.md" in /)
    expect(await readFile(join(target, 'README.md'), 'utf8')).toBe('What I found in them')
  })

  test('refuses a folder with other files, and leaves it as it is', async () => {
    await mkdir(join(target, 'data'), { recursive: true })
    await writeFile(join(target, 'data', 'mine.txt'), 'mine')
    for (const args of [[], ['--replace']]) {
      const { code, stderr } = await sandbox.run('export', target, ...args)
      expect(stderr).toMatch(/^TARGET_NOT_EMPTY: Expected an empty place for the export, found "data\/mine\.txt" in /)
      expect(code).toBe(1)
    }
    expect(await files()).toEqual(['data/mine.txt'])
    await writeFile(join(target, STATE), '{"version": 1')
    expect((await sandbox.run('export', target)).stderr).toMatch(/^TARGET_NOT_EMPTY: /)
  })

  test.each<[string, string[], string]>([
    ['an unknown format', ['--format', 'xlsx'], 'Allowed choices are npy'],
    ['an unknown type of numbers', ['--dtype', 'float64'], 'Allowed choices are float32, float16'],
    ['a shard size without unit', ['--shard-size', '100'], 'Expected a size such as 512MB or 2GB'],
    ['a shard that is too large', ['--shard-size', '5GB'], 'Expected at most 4GB'],
    ['an empty subset', ['--diverse', '0'], 'Expected a whole number from 1 to 100000'],
    ['conditions that no photo meets', ['--where', 'exif_iso>100000'], 'NOT_FOUND: No photo matches'],
  ])('refuses %s, and leaves no folder', async (_, args, message) => {
    const { code, stderr } = await sandbox.run('export', target, ...args)
    expect(stderr).toContain(message)
    expect(code).toBeGreaterThan(0)
    await expect(readdir(target)).rejects.toThrow('ENOENT')
  })

  test('places photos for embedding-atlas as a stored projection has them', async () => {
    const made = await sandbox.run('analyze', 'project', '--method', 'pca', '--save', 'flat', '--json')
    expect(made.objects()).toMatchObject([{ projection: 'flat', photos: 6 }])
    const points = await scenes.database.query<{ id: string; x: number; y: number }>(
      `select photo_id as id, x, y from projection('flat') order by photo_id`,
    )
    for (const args of [['--projection', 'flat', '--neighbours', '0'], []]) {
      const { code, stderr } = await sandbox.run('export', target, '--format', 'atlas', '--replace', ...args)
      expect([code, stderr]).toEqual([0, ''])
      const bytes = new Uint8Array(await readFile(join(target, 'atlas-00000.parquet'))).buffer
      const rows = await parquetReadObjects({ file: bytes, compressors })
      const placed = rows.map(row => [row.photo_id, Math.fround(row.projection_x), Math.fround(row.projection_y)])
      expect(placed).toEqual(points.map(({ id, x, y }) => [id, Math.fround(x), Math.fround(y)]))
      expect(rows.every(row => 'neighbors' in row)).toBe(args.length === 0)
      expect(await manifest()).toMatchObject({ atlas: { projection: 'flat', storedAt: expect.any(String) } })
    }
    await scenes.database.query(`delete from projection_points where photo_id = 'cat-room'`)
    const lacking = await sandbox.run('export', target, '--format', 'atlas', '--replace')
    expect([lacking.code, lacking.stderr]).toEqual([
      2,
      expect.stringMatching(/^USAGE: The projection flat lacks the photo cat-room\. Make it again/),
    ])
    await scenes.database.query('delete from projections')
  })

  test('a stored projection makes the export for embedding-atlas go on where it was interrupted', () => {
    const options = { projection: 'flat', neighbours: 0, seed: 0 }
    const stored = { ids: ['a'], points: Float32Array.of(1, 2) }
    expect(atlasFormat(options, { stored }).prepare).toBeUndefined()
    expect(atlasFormat({ ...options, neighbours: 3 }, { stored }).prepare).toBeDefined()
    expect(atlasFormat(options, { method: 'pca' }).prepare).toBeDefined()
  })
})
