import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { aModel, aPhoto, embedPhotos, randomNumbers, randomVector, toHalf } from '../../db/factories.js'
import { Sandbox } from '../../support/cli.js'
import { jpegPhoto } from '../../support/images/sample-images.js'
import { hasPython, pythonPeers } from '../../support/python/environment.js'
import { embeddedServer, type TestServer } from '../../support/servers/postgres.js'

const HERE = resolve('test/exports/readers')
const run = promisify(execFile)
const DIMENSION = 96
/** Ids in the order of their bytes. More than one page of each format. */
const IDS = Array.from({ length: 4321 }, (_, i) => `photo-${String(i).padStart(4, '0')}`)
const PYTHON = { HF_HUB_OFFLINE: '1', PYTHONDONTWRITEBYTECODE: '1' }
const WITH_COPY = IDS[3]!
const EXPORTS: Record<string, string[]> = {
  'parquet-float32': ['--format', 'parquet'],
  'parquet-float16': ['--format', 'parquet', '--dtype', 'float16'],
  'npy-float32': ['--format', 'npy'],
  'npy-float16': ['--format', 'npy', '--dtype', 'float16'],
  csv: ['--format', 'csv'],
  jsonl: ['--format', 'jsonl'],
  tensorboard: ['--format', 'tensorboard'],
  webdataset: ['--format', 'webdataset'],
  atlas: ['--format', 'atlas', '--neighbours', '4'],
}

interface Found {
  ids: string[]
  vectors: number[][]
  first: Record<string, unknown>
  types: Record<string, string>
  features: Record<string, string>
  titles: (string | null)[]
  pictures: Record<string, number>
}

interface AtlasFound {
  ids: string[]
  points: number[][]
  neighbours: number[][]
  distances: number[][]
  props: object
}

describe.skipIf(!hasPython())('Exports, read by the programs that they are for', () => {
  let server: TestServer
  let sandbox: Sandbox
  let found: Record<string, Found>
  let copy: Buffer
  const random = randomNumbers(11)
  const vectors = IDS.map(() => randomVector(DIMENSION, random))
  const stored = vectors.map(vector => [...vector].map(toHalf))
  const photos = IDS.map((id, i) =>
    aPhoto(id, {
      photo_description: i % 3 === 0 ? null : `line\n${i}\t"quoted", with , and 雪`,
      photo_featured: i % 2 === 0,
      photo_submitted_at: i === 0 ? '2014-09-29 00:08:38.594364' : null,
      exif_iso: i === 0 ? 400 : null,
      stats_views: i === 0 ? 2 ** 40 : null,
      photo_location_latitude: i === 0 ? 60.25 : null,
    }),
  )

  beforeAll(async () => {
    const programs = await pythonPeers()
    server = await embeddedServer()
    const url = await server.migratedUrl()
    const database = await openDatabase({ url })
    const modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: DIMENSION }))
    await embedPhotos(database, modelId, photos, vectors)
    await database.query(`update embeddings set stored_key = 'h512-q65/' || photo_id || '.jpg' where photo_id = $1`, [
      WITH_COPY,
    ])
    await database.close()
    copy = await jpegPhoto()
    sandbox = await Sandbox.create({ DATABASE_URL: url, MODEL: 'clip-test' }, { hosted: true })
    await mkdir(join(sandbox.home, 'objects/h512-q65'), { recursive: true })
    await writeFile(join(sandbox.home, `objects/h512-q65/${WITH_COPY}.jpg`), copy)
    for (const [name, args] of Object.entries(EXPORTS))
      expect(
        await sandbox.run('export', join(sandbox.home, 'exports', name), ...args, '--shard-size', '1MB'),
      ).toMatchObject({ code: 0, stderr: '' })
    const { stdout } = await run(
      join(programs, 'python'),
      [join(HERE, 'read_exports.py'), join(sandbox.home, 'exports')],
      { maxBuffer: 2 ** 30, env: { ...process.env, ...PYTHON, XDG_CACHE_HOME: sandbox.home } },
    )
    found = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, Found>
  }, 900_000)
  afterAll(async () => {
    await sandbox?.close()
    await server?.close()
  })

  test.each([
    ...['float32', 'float16'].flatMap(dtype =>
      ['pyarrow', 'pandas', 'duckdb', 'numpy'].map(name => `${name} ${dtype}`),
    ),
    ...['datasets', 'datasets float16', 'pandas csv', 'duckdb csv', 'pandas jsonl', 'tensorboard', 'webdataset'],
  ])('%s finds every photo with its vector, in the order of ids', reader => {
    const { ids, vectors: read } = found[reader]!
    expect(ids).toEqual(IDS)
    expect(read).toEqual(stored)
  })

  test.each(['faiss', 'autofaiss'])('an index of %s finds each photo as its own nearest', program => {
    expect((found[program] as unknown as { nearest: number[] }).nearest).toEqual(IDS.map((_, i) => i))
  })

  test('Parquet has typed columns, of which unknown values are null', () => {
    const { types, first } = found['pyarrow float32']!
    expect(types).toMatchObject({
      photo_id: 'string',
      photo_featured: 'bool',
      photo_submitted_at: 'timestamp[us]',
      exif_iso: 'int32',
      stats_views: 'int64',
      photo_location_latitude: 'double',
      vector: 'list<element: float not null>',
    })
    expect(found['pyarrow float16']!.types.vector).toBe('list<element: halffloat not null>')
    expect(first).toMatchObject({
      exif_iso: 400,
      stats_views: 2 ** 40,
      photo_location_latitude: 60.25,
      photo_submitted_at: Date.parse('2014-09-29T00:08:38.594Z'),
      photo_description: null,
    })
    expect(found.datasets!.features.vector).toMatch(/float32/)
    expect(found['pandas jsonl']!.first).toMatchObject({ exif_iso: 400, photo_description: null })
  })

  test('embedding-atlas shows the photos in their places, with their nearest neighbours', () => {
    const { ids, points, neighbours, distances, props } = found['embedding-atlas'] as unknown as AtlasFound
    expect(ids).toEqual(IDS)
    expect(points.flat().every(Number.isFinite)).toBe(true)
    expect(new Set(points.map(String)).size).toBe(IDS.length)
    for (const i of [0, 1234, IDS.length - 1]) {
      const distance = (j: number) => Math.hypot(...stored[i]!.map((value, at) => value - stored[j]![at]!))
      const others = IDS.map((_, j) => j).filter(j => j !== i)
      const nearest = others.sort((a, b) => distance(a) - distance(b)).slice(0, 4)
      expect(neighbours[i]).toEqual(nearest)
      for (const [rank, j] of nearest.entries()) expect(distances[i]![rank]).toBeCloseTo(distance(j), 3)
    }
    expect(JSON.stringify(props)).toContain('"neighbors"')
  })

  test('webdataset has metadata, and pictures where there is a copy', () => {
    const { titles, pictures } = found.webdataset!
    expect(titles).toEqual(photos.map(photo => photo.photo_description))
    expect(pictures).toEqual({ [WITH_COPY]: copy.length })
  })
})
