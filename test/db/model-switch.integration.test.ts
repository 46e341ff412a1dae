import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../../src/db/connection.js'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import { PostgresRunRepository } from '../../src/db/ingest/run-repository.js'
import { PostgresLabelRepository } from '../../src/db/label-repository.js'
import { PostgresModelRepository } from '../../src/db/model-repository.js'
import type { ModelId } from '../../src/domain/ports/repository.js'
import { serverKinds, type TestServer } from '../support/servers/postgres.js'
import { until } from '../support/until.js'
import { aModel, aPhoto, embedPhotos, randomNumbers, randomVector } from './factories.js'

const PHOTOS = Array.from({ length: 30 }, (_, i) => aPhoto(`photo-${i}`))
const SET = { name: 'side', template: '{label}', labels: ['left', 'right'] }

const kinds = serverKinds()
describe.each(kinds)('two models side by side on the $kind server', ({ kind, available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    let ingest: PostgresIngestRepository
    let models: PostgresModelRepository
    let old: ModelId
    let fresh: ModelId
    beforeAll(async () => {
      server = await start()
    })
    afterAll(() => server?.close())
    beforeEach(async () => {
      database = await server.freshDatabase()
      ingest = new PostgresIngestRepository(database)
      models = new PostgresModelRepository(database)
      old = await withEverything('old', 4)
      fresh = await withEverything('fresh', 6)
    })

    /** A model with embeddings, labels, prompts, a failure, a run that is over, settings and an index. */
    async function withEverything(name: string, dimension: number): Promise<ModelId> {
      const id = await ingest.registerModel(aModel({ name, dimension }))
      const random = randomNumbers(id)
      const vector = () => randomVector(dimension, random)
      await new PostgresLabelRepository(database).savePrompts(id, SET, [vector(), vector()])
      await embedPhotos(
        database,
        id,
        PHOTOS,
        PHOTOS.map(() => vector()),
        [SET.name],
      )
      await ingest.createRun({ id: `run of ${name}`, modelId: id, source: 'photos.tsv', options: {} })
      await ingest.upsertPhotos([aPhoto('broken')])
      await ingest.addBatches([{ id: `batch of ${name}`, runId: `run of ${name}`, photoIds: ['photo-0', 'broken'] }])
      await ingest.recordOutcome({
        parentId: `batch of ${name}`,
        modelId: id,
        embedded: [],
        failures: [{ photoId: 'broken', code: 'HTTP_404', message: 'gone', attempts: 1 }],
        labelSets: [],
      })
      await ingest.finishEnqueue(`run of ${name}`)
      await database.query(
        `create index embeddings_m${id}_hnsw on embeddings_m${id} using hnsw ((embedding::halfvec(${dimension})) halfvec_ip_ops)`,
      )
      await database.query(
        `insert into search_settings (model_id, query_kind, method, index_name, effort) values ($1, 'text', 'hnsw', $2, 40)`,
        [id, `embeddings_m${id}_hnsw`],
      )
      return id
    }

    /** Which model answers a search that names none: its queries alone have as many numbers. */
    async function searched(): Promise<number> {
      for (const dimension of [4, 6]) {
        const query = `[${Array.from({ length: dimension }, () => 1)}]`
        const found = await database
          .query('select photo_id from search_photos($1::vector, 3)', [query])
          .catch((error: Error) => error)
        if (Array.isArray(found)) return dimension
        expect(found).toMatchObject({ code: 'USAGE' })
      }
      throw new Error('no model answers')
    }

    test('searches the model of the newest run until one is chosen', async () => {
      expect(await models.chosen()).toBeNull()
      expect(await models.answering([])).toBeNull()
      expect(await searched()).toBe(6)
      await models.use('old')
      expect(await models.answering(['a dog'])).toMatchObject({ id: old, identity: { name: 'old' }, stored: [false] })
      expect(await models.chosen()).toMatchObject({ id: old, identity: { name: 'old', precision: 'fp32' } })
      expect(await searched()).toBe(4)
      expect((await ingest.latestModel())?.id).toBe(old)
      await models.use('fresh@fp32')
      expect(await searched()).toBe(6)
      await models.use('old')
      await models.use(null)
      expect(await models.chosen()).toBeNull()
      expect(await searched()).toBe(6)
    })

    test('lists the models with their photos and the one that is searched', async () => {
      await models.use('old')
      expect(await models.models()).toEqual([
        { id: old, identity: aModel({ name: 'old' }), photos: PHOTOS.length, searched: true },
        { id: fresh, identity: aModel({ name: 'fresh', dimension: 6 }), photos: PHOTOS.length, searched: false },
      ])
    })

    test('refuses to choose a model that is not known, or that nothing is embedded with', async () => {
      await expect(models.use('unknown')).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: expect.stringContaining('known: '),
      })
      await ingest.registerModel(aModel({ name: 'empty' }))
      await expect(models.use('empty')).rejects.toMatchObject({ code: 'NOT_EMBEDDED' })
      expect(await searched()).toBe(6)
    })

    test('retires a model and leaves nothing of it behind, nor anything of the other touched', async () => {
      const tables = await database.query<{ name: string }>(`
        select attrelid::regclass::text as name from pg_attribute a join pg_class c on c.oid = a.attrelid
         where a.attname = 'model_id' and c.relkind in ('r', 'p', 'v') and not c.relispartition
           and c.relnamespace = 'public'::regnamespace order by 1`)
      const rowsOf = async (id: ModelId) => {
        const counts: Record<string, number> = {}
        for (const { name } of tables) {
          const [row] = await database.query<{ rows: number }>(
            `select count(*) as rows from ${name} where model_id = $1`,
            [id],
          )
          counts[name] = row!.rows
        }
        return counts
      }
      const before = await rowsOf(fresh)
      expect(before).toMatchObject({ embeddings: PHOTOS.length, photo_labels: PHOTOS.length, runs: 1, batches: 1 })
      expect(await models.retire('old@fp32')).toBe(PHOTOS.length)
      expect(new Set(Object.values(await rowsOf(old)))).toEqual(new Set([0]))
      expect(await rowsOf(fresh)).toEqual(before)
      const relations = await database.query(`select relname from pg_class where relname like 'embeddings\\_m${old}%'`)
      expect(relations).toEqual([])
      expect(await database.query('select count(*) as photos from photos')).toEqual([{ photos: PHOTOS.length + 1 }])
      expect((await models.models()).map(({ id }) => id)).toEqual([fresh])
      await expect(models.retire('old@fp32')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    })

    test('takes a retired model again, as a new one', async () => {
      await models.retire('old')
      const again = await withEverything('old', 4)
      expect(again).not.toBe(old)
      expect(await searched()).toBe(4)
    })

    test('refuses to retire the model that is searched, and says what to do first', async () => {
      const refusal = {
        code: 'USAGE',
        message: 'fresh@fp32 is the model that is searched. Choose another one first: unsplash-clip models use NAME',
      }
      await expect(models.retire('fresh')).rejects.toMatchObject(refusal)
      await models.use('fresh')
      await ingest.createRun({ id: 'newer', modelId: old, source: 'x', options: {} })
      await expect(models.retire('fresh')).rejects.toMatchObject(refusal)
    })

    test('refuses to retire a model that a run is open with, or of which a worker has photos in hand', async () => {
      const runs = new PostgresRunRepository(database)
      await models.use('fresh')
      await ingest.createRun({ id: 'open run', modelId: old, source: 'x', options: {} })
      await expect(models.retire('old')).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringMatching(/run open run are settled.*unsplash-clip run cancel RUN/),
      })
      await runs.setControl('open run', 'cancelled')
      const worker = {
        id: 'w',
        host: 'here',
        pid: 7,
        model: 'other@fp32',
        startedAt: new Date(),
        embedded: 0,
        failed: 0,
        photosPerSecond: 0,
        trouble: null,
      }
      await runs.report({ ...worker, inHand: { 'open run': 3 } })
      await expect(models.retire('old')).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringContaining('Worker here:7 still works on photos'),
      })
      await runs.report({ ...worker, inHand: {} })
      expect(await models.retire('old')).toBe(PHOTOS.length)
    })

    if (kind === 'native')
      test('lets searches through while it waits for one that takes long', async () => {
        const slow = new pg.Client({ connectionString: database.pool.options.connectionString })
        await slow.connect()
        try {
          await slow.query('begin')
          await slow.query('select from embeddings limit 1')
          const retired = models.retire('old')
          await until('the retirement to wait for the lock', async () => {
            const waiting = await database.query(
              `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%retire_model%' and datname = current_database()`,
            )
            return waiting.length > 0
          })
          expect(await searched()).toBe(6)
          await slow.query('commit')
          expect(await retired).toBe(PHOTOS.length)
        } finally {
          await slow.end()
        }
      })
  })
})
