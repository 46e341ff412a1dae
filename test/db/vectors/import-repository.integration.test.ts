import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../../../src/db/label-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import { PostgresImportRepository } from '../../../src/db/vectors/import-repository.js'
import { importDigest } from '../../../src/imports/import-digest.js'
import { importVectors } from '../../../src/imports/import-vectors.js'
import { openVectors } from '../../../src/imports/open-vectors.js'
import { folderWith } from '../../producers/input/tables.js'
import { npyFile } from '../../support/models/npy-file.js'
import { serverKinds } from '../../support/servers/postgres.js'
import { aModel, aPhoto } from '../factories.js'
import { freshDatabases } from '../fresh-databases.js'

const DIMENSION = 4
const ROWS = 40

const rows = (change = 0) =>
  Array.from({ length: ROWS }, (_, i) => Array.from({ length: DIMENSION }, (_, j) => Math.sin(i * 7 + j * 3 + change)))
const ids = Array.from({ length: ROWS }, (_, i) => `photo-${String(i).padStart(3, '0')}`)

describe.each(serverKinds())('importing vectors into the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    const fresh = freshDatabases(start)
    let database: Database
    let modelId: number
    beforeEach(async () => {
      ;({ database, modelId } = await fresh())
    })

    /** @param signal aborted: the import stops at the first look at it */
    async function run(paths: string[], { idsFile = '', signal = new AbortController().signal } = {}) {
      const how = { dimension: DIMENSION, ids: idsFile || undefined }
      const source = await openVectors(paths, how)
      const of = { modelId, digest: await importDigest(source, how), source: source.description }
      return importVectors(
        source,
        { repository: new PostgresImportRepository(database), import: of },
        { ...how, signal },
      )
    }
    async function npy(vectors: number[][], names = ids) {
      const folder = await folderWith({ 'v.npy': npyFile(vectors), 'ids.txt': `${names.join('\n')}\n` })
      return { paths: [join(folder, 'v.npy')], idsFile: join(folder, 'ids.txt') }
    }
    const stored = () =>
      database.query<{ id: string; vector: string; url: string }>(
        `select e.photo_id as id, e.embedding::text as vector, p.photo_image_url as url
           from embeddings e join photos p using (photo_id) where model_id = $1 order by 1`,
        [modelId],
      )
    const imports = () =>
      database.query<{ rows: number; done: boolean }>(
        'select rows_done as rows, finished_at is not null as done from imports',
      )

    test('The same import twice leaves the same rows, and writes none the second time', async () => {
      const { paths, idsFile } = await npy(rows())
      expect(await run(paths, { idsFile })).toMatchObject({ rows: ROWS, added: ROWS, replaced: 0, unchanged: 0 })
      const first = await stored()
      expect(first.map(({ id, url }) => [id, url])).toEqual(ids.map(id => [id, '']))
      const versions = () => database.query('select xmin::text from embeddings union all select xmin::text from photos')
      const before = await versions()
      expect(await run(paths, { idsFile })).toMatchObject({ added: 0, replaced: 0, unchanged: ROWS, alreadyWritten: 0 })
      expect([await stored(), await versions(), await imports()]).toEqual([first, before, [{ rows: ROWS, done: true }]])
    })

    test('Vectors of a new file replace those of the old one, with their labels', async () => {
      const labels = new PostgresLabelRepository(database)
      const old = await npy(rows())
      await run(old.paths, old)
      const set = { name: 'side', template: '{label}', labels: ['left', 'right'] }
      await labels.savePrompts(modelId, set, [Float32Array.of(1, 0, 0, 0), Float32Array.of(-1, 0, 0, 0)])
      expect(await labels.labelPhotos(modelId, set.name)).toBe(ROWS)
      const changed = await npy([...rows().slice(0, 30), ...rows(1).slice(30)])
      expect(await run(changed.paths, changed)).toMatchObject({ added: 0, replaced: 10, unchanged: 30 })
      expect(await labels.labelPhotos(modelId, set.name)).toBe(10)
    })

    test('An import that was stopped continues: what is written is only checked again', async () => {
      const { paths, idsFile } = await npy(rows())
      const how = { dimension: DIMENSION, ids: idsFile }
      const source = await openVectors(paths, how)
      const of = { modelId, digest: await importDigest(source, how), source: '' }
      const repository = new PostgresImportRepository(database)
      expect(await repository.begin(of)).toBe(0)
      const photos = ids.slice(0, 10).map(id => ({ ...aPhoto(id), photo_image_url: '' }))
      await repository.write(of, { photos, columns: new Set(), halves: new Uint16Array(40).fill(0x3800), rowsDone: 10 })
      expect(await run(paths, { idsFile })).toMatchObject({ rows: ROWS, added: 30, alreadyWritten: 10 })
      expect(await repository.begin(of)).toBe(0)
    })

    test('Metadata fill unknown columns, and neither they nor the lack of them replace what is known', async () => {
      const ingest = new PostgresIngestRepository(database)
      await ingest.upsertPhotos([aPhoto('a', { photo_description: 'known' }), aPhoto('b')])
      const lines = [
        { photo_id: 'a', embedding: [1, 0, 0, 0] },
        { photo_id: 'b', embedding: [0, 1, 0, 0], caption: 'new', width: 640, height: 480 },
        { photo_id: 'c', embedding: [0, 0, 1, 0], url: 'https://photos.test/c.jpg', caption: 'a\u0000b' },
        { photo_id: 'd', embedding: [0, 0, 0, 1], width: 'wide' },
      ]
      const folder = await folderWith({ 'v.jsonl': lines.map(line => JSON.stringify(line)).join('\n') })
      expect(await run([folder])).toMatchObject({ added: 4, badRows: 0, valueWarnings: 2 })
      expect(
        await database.query(
          'select photo_id as id, photo_image_url as url, photo_description as text, photo_width as width from photos order by 1',
        ),
      ).toEqual([
        { id: 'a', url: 'https://images.example/a', text: 'known', width: null },
        { id: 'b', url: 'https://images.example/b', text: 'new', width: 640 },
        { id: 'c', url: 'https://photos.test/c.jpg', text: 'ab', width: null },
        { id: 'd', url: '', text: null, width: null },
      ])
      // A later ingest completes the photos, and asks for no vector again.
      await ingest.upsertPhotos([aPhoto('d', { photo_description: 'later' })])
      expect((await ingest.photoStates(modelId, ['a', 'b', 'c', 'd'])).embedded.size).toBe(4)
      expect(await database.query(`select photo_image_url as url from photos where photo_id = 'd'`)).toEqual([
        { url: 'https://images.example/d' },
      ])
    })

    test('Photos without an address are neither fetched nor taken for gone', async () => {
      const { paths, idsFile } = await npy(rows())
      await run(paths, { idsFile })
      const ingest = new PostgresIngestRepository(database)
      await ingest.upsertPhotos([aPhoto('other')])
      const missing: string[] = []
      for await (const page of ingest.missingPhotos(await ingest.registerModel(aModel({ name: 'second' })), 100))
        missing.push(...page.map(({ id }) => id))
      expect(missing).toEqual(['other'])
    })

    test('Imported photos are found by photo and by vector, each nearest to itself', async () => {
      const { paths, idsFile } = await npy(rows())
      await run(paths, { idsFile })
      const search = new PostgresSearchRepository(database)
      for (const i of [0, 3, ROWS - 1]) {
        const [nearest] = await search.search(modelId, Float32Array.from(rows()[i]!), { k: 1 })
        expect([nearest!.photoId, nearest!.score.toFixed(3)]).toEqual([ids[i], '1.000'])
      }
      expect(await search.similar(modelId, ids[3]!, { k: ROWS })).toHaveLength(ROWS - 1)
    })

    test('A failure of the photo is forgotten, and retiring the model forgets its imports', async () => {
      await database.query(`insert into photos (photo_id, photo_image_url) values ('photo-001', 'x')`)
      await database.query(
        `insert into failures (model_id, photo_id, code, message, attempts) values ($1, 'photo-001', 'HTTP_404', '', 1)`,
        [modelId],
      )
      const { paths, idsFile } = await npy(rows())
      await run(paths, { idsFile })
      expect(await database.query('select from failures')).toEqual([])
      const ingest = new PostgresIngestRepository(database)
      const other = await ingest.registerModel(aModel({ name: 'other' }))
      await database.query(`insert into runs (id, model_id, source) values ('r', $1, 'r')`, [other])
      await database.query(`update runs set enqueued_at = now()`)
      await database.query(`select retire_model('clip-test')`)
      expect(await imports()).toEqual([])
    })
  })
})
