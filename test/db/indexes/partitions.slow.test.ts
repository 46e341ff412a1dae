import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { PostgresIndexRepository } from '../../../src/db/indexes/index-repository.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import { toVectorText } from '../../../src/db/vector.js'
import { MEBIBYTE } from '../../../src/domain/units.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { aModel, aPhoto } from '../factories.js'
import { type Clustered, DIMENSION, embedClusters } from './clustered.js'

const PHOTOS = 1000
const LISTS = 10
const PARTITIONS = readFileSync('infra/sql/partitions.sql', 'utf8')
const INDEXED = `(embedding::halfvec(${DIMENSION})) halfvec_cosine_ops`

const kinds = serverKinds()
describe.each(kinds)('embeddings split into partitions on the $kind server', ({ kind, available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    let corpus: Clustered
    beforeAll(async () => {
      server = await start()
    })
    afterAll(() => server?.close())
    beforeEach(async () => {
      database = await server.freshDatabase()
      corpus = await embedClusters(database, PHOTOS, 4)
      await database.pool.query(PARTITIONS)
    })

    const split = async (parts: number) => {
      const [row] = await database.query<{ moved: number }>('select split_embeddings($1, $2) as moved', [
        corpus.modelId,
        parts,
      ])
      return row!.moved
    }

    const leaves = async () =>
      (
        await database.query<{ name: string }>(
          `select relid::text as name from pg_partition_tree('embeddings_m${corpus.modelId}'::regclass) where isleaf order by 1`,
        )
      ).map(row => row.name)

    /** Answers of every kind: deep pages, keyset pages, filters, photos like a photo. */
    async function answers() {
      const search = new PostgresSearchRepository(database)
      const { modelId } = corpus
      const [text, other] = corpus.texts as [Float32Array, Float32Array]
      const first = await search.search(modelId, text, { k: 10 })
      const { photoId, score } = first.at(-1)!
      return [
        first,
        await search.search(modelId, text, { k: 20, offset: 300 }),
        await search.search(modelId, text, { k: 10, after: { photoId, score } }),
        await search.search(modelId, other, { k: 5000 }),
        await search.search(modelId, other, {
          k: 7,
          where: [{ photos: corpus.images.slice(0, 50).map(({ id }) => id) }],
        }),
        await search.similar(modelId, corpus.images[7]!.id, { k: 12 }),
      ]
    }

    /** Names of the tables or indexes that a plan reads. */
    async function read(what: 'Relation Name' | 'Index Name', sql: string, settings: readonly string[] = []) {
      const plan = await database.transaction(async session => {
        for (const setting of settings) await session.query(`set local ${setting}`)
        return JSON.stringify(await session.query(`explain (format json) ${sql}`))
      })
      return { plan, names: [...plan.matchAll(new RegExp(`"${what}":"([^"]+)"`, 'g'))].map(match => match[1]!).sort() }
    }

    test('give the same answers as before, to the last digit, and so do they as one table again', async () => {
      const before = await answers()
      expect(await split(4)).toBe(PHOTOS)
      expect(await leaves()).toEqual([0, 1, 2, 3].map(n => `embeddings_m${corpus.modelId}_p${n}`))
      expect(await answers()).toEqual(before)
      expect(await split(7)).toBe(PHOTOS)
      expect(await leaves()).toHaveLength(7)
      expect(await answers()).toEqual(before)
      expect(await split(1)).toBe(PHOTOS)
      expect(await leaves()).toEqual([`embeddings_m${corpus.modelId}`])
      expect(await answers()).toEqual(before)
    })

    test('hold every photo once, spread evenly, and one photo is looked for in one of them', async () => {
      await split(4)
      const rows = await database.query<{ photos: number }>(
        'select count(*) as photos from embeddings group by tableoid order by 1',
      )
      expect(rows.reduce((sum, { photos }) => sum + photos, 0)).toBe(PHOTOS)
      for (const { photos } of rows) expect(photos).toBeGreaterThan(PHOTOS / 8)
      const of = (condition: string) =>
        read('Relation Name', `select * from embeddings where model_id = ${corpus.modelId} ${condition}`)
      expect((await of(`and photo_id = 'photo-7'`)).names).toHaveLength(1)
      expect((await of('')).names).toEqual(await leaves())
    })

    test('of one model are not read for another one', async () => {
      const ingest = new PostgresIngestRepository(database)
      const other = await ingest.registerModel(aModel({ name: 'other', dimension: DIMENSION }))
      await split(4)
      const { names } = await read('Relation Name', `select * from embeddings where model_id = ${other}`)
      expect(names).toEqual([`embeddings_m${other}`])
    })

    test('have an index each, of which the nearest are merged', async () => {
      const { modelId } = corpus
      await split(4)
      const name = `embeddings_m${modelId}_ivfflat`
      // As docs/guides/scale.md: an index that is valid once each partition has one.
      await database.query(
        `create index ${name} on only embeddings_m${modelId} using ivfflat (${INDEXED}) with (lists = ${LISTS})`,
      )
      const valid = async () =>
        (await database.query(`select indisvalid from pg_index where indexrelid = '${name}'::regclass`))[0]!.indisvalid
      for (const leaf of await leaves()) {
        expect(await valid()).toBe(false)
        await database.query(
          `create index ${leaf}_ivfflat on ${leaf} using ivfflat (${INDEXED}) with (lists = ${LISTS})`,
        )
        await database.query(`alter index ${name} attach partition ${leaf}_ivfflat`)
      }
      expect(await valid()).toBe(true)

      const query = toVectorText(corpus.texts[0]!)
      const { plan, names } = await read(
        'Index Name',
        `select e.photo_id from embeddings e where e.model_id = ${modelId}
          order by (e.embedding::halfvec(${DIMENSION}) <=> '${query}'::halfvec(${DIMENSION})) limit 40`,
        ['enable_seqscan = off'],
      )
      expect(plan).toContain('Merge Append')
      expect(names).toEqual((await leaves()).map(leaf => `${leaf}_ivfflat`))

      const exact = await answers()
      await database.query(
        `insert into search_settings (model_id, query_kind, method, index_name, effort, photos)
         select $1, kind, 'ivfflat', $2, $3, $4 from unnest(array['text', 'image']) as kind`,
        [modelId, name, LISTS, PHOTOS],
      )
      expect(await answers()).toEqual(exact)
    })

    if (kind === 'native')
      test('are indexed by hand, which a build says that is asked for', async () => {
        await split(4)
        const url = database.pool.options.connectionString!
        const indexes = new PostgresIndexRepository(database, () => openDatabase({ url, maxConnections: 1 }))
        const building = indexes.build(
          corpus.modelId,
          { kind: 'ivfflat', lists: LISTS },
          { memory: 64 * MEBIBYTE, workers: 0 },
          { rebuild: false, onEvent: () => {}, signal: new AbortController().signal },
        )
        await expect(building).rejects.toMatchObject({
          code: 'USAGE',
          message: expect.stringMatching(/partitioned\. Index each .* docs\/guides\/scale\.md/),
        })
      })

    test('take what workers write, and go with their model', async () => {
      const ingest = new PostgresIngestRepository(database)
      const { modelId } = corpus
      await split(4)
      await ingest.upsertPhotos([aPhoto('new')])
      const embedded = [
        { photoId: 'new', embedding: corpus.texts[0]!, storedKey: 'new.jpg' },
        { photoId: 'photo-1', embedding: corpus.texts[0]!, storedKey: null },
      ]
      await ingest.recordOutcome({ parentId: 'none', modelId, embedded, failures: [], labelSets: [] })
      const hits = await new PostgresSearchRepository(database).search(modelId, corpus.texts[0]!, { k: 2 })
      expect(hits.map(hit => hit.photoId)).toEqual(['new', 'photo-1'])

      const other = await ingest.registerModel(aModel({ name: 'other', dimension: DIMENSION }))
      await ingest.createRun({ id: 'later', modelId: other, source: '', options: {} })
      await database.query(`update runs set enqueued_at = now()`)
      expect(await database.query('select retire_model($1) as photos', [String(modelId)])).toEqual([
        { photos: PHOTOS + 1 },
      ])
      expect(
        await database.query(`select relname from pg_class where relname like 'embeddings\\_m${modelId}\\_%'`),
      ).toEqual([])
    })

    test('are refused to be none, or of a model that is not there', async () => {
      await expect(split(0)).rejects.toThrow('parts must be a whole number from 1 (one table again) to 1024, found 0')
      await expect(database.query('select split_embeddings(99, 4)')).rejects.toThrow('there is no model with id 99')
    })
  })
})
