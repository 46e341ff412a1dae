import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { PostgresIndexRepository } from '../../../src/db/indexes/index-repository.js'
import { AppError } from '../../../src/domain/errors.js'
import type { IndexShape } from '../../../src/domain/indexes/index-plan.js'
import type { BuildEvent } from '../../../src/domain/ports/index-repository.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import { MEBIBYTE } from '../../../src/domain/units.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { until } from '../../support/until.js'
import { DIMENSION, embedClusters } from './clustered.js'

const PHOTOS = 1000
const IVFFLAT: IndexShape = { kind: 'ivfflat', lists: 20 }
const HNSW: IndexShape = { kind: 'hnsw', m: 8, efConstruction: 32 }
const RESOURCES = { memory: 64 * MEBIBYTE, workers: 0 }

const kinds = serverKinds()
describe.each(kinds)('vector indexes on the $kind server', ({ kind, available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    let url: string
    let indexes: PostgresIndexRepository
    let modelId: ModelId
    const clients: pg.Client[] = []
    beforeAll(async () => {
      server = await start()
    })
    afterAll(async () => {
      for (const client of clients) await client.end()
      await server?.close()
    })
    beforeEach(async () => {
      database = await server.freshDatabase()
      url = database.pool.options.connectionString!
      indexes = new PostgresIndexRepository(database, () => openDatabase({ url, maxConnections: 1 }))
      modelId = (await embedClusters(database, PHOTOS)).modelId
    })

    interface Building {
      events: BuildEvent[]
      controller: AbortController
      result: Promise<boolean | Error>
    }

    function building(shape: IndexShape, { rebuild = false, resources = RESOURCES } = {}): Building {
      const events: BuildEvent[] = []
      const controller = new AbortController()
      const result = indexes
        .build(modelId, shape, resources, {
          rebuild,
          onEvent: event => events.push(event),
          signal: controller.signal,
        })
        .catch((error: Error) => error)
      return { events, controller, result }
    }
    const build = (shape: IndexShape, options = {}) => building(shape, options).result

    /** What a search that has the form of docs/reference/sql.md reads. */
    async function scanned(operator: '<=>' | '<#>'): Promise<string[]> {
      const explained = await database.transaction(async session => {
        await session.query('set local enable_seqscan = off')
        return session.query<{ 'QUERY PLAN': unknown }>(
          `explain (format json) select photo_id from embeddings_m${modelId}
            order by embedding::halfvec(${DIMENSION}) ${operator} (select embedding::halfvec(${DIMENSION}) from embeddings_m${modelId} limit 1)
            limit 10`,
        )
      })
      return [...JSON.stringify(explained).matchAll(/"Index Name":"([^"]+)"/g)].map(match => match[1]!)
    }

    test.each([IVFFLAT, HNSW])('are built, known, and used by the documented statement: %j', async shape => {
      expect(await build(shape)).toBe(true)
      const name = `embeddings_m${modelId}_${shape.kind}`
      const [index, ...others] = await indexes.indexes(modelId)
      expect(index).toMatchObject({
        modelKey: 'clip-test@fp32',
        name,
        method: shape.kind,
        state: 'ready',
        options: shape.kind === 'ivfflat' ? ['lists=20'] : ['m=8', 'ef_construction=32'],
        photosAtBuild: PHOTOS,
        photos: PHOTOS,
        phase: null,
      })
      expect(index!.bytes).toBeGreaterThan(PHOTOS * 2 * DIMENSION)
      expect(others).toEqual([])
      expect(await scanned(shape.kind === 'ivfflat' ? '<=>' : '<#>')).toContain(name)
    })

    test('stay as they are when they are wanted again as they are', async () => {
      expect(await build(IVFFLAT)).toBe(true)
      const oid = () => database.query(`select 'embeddings_m${modelId}_ivfflat'::regclass::oid as oid`)
      const before = await oid()
      expect(await build(IVFFLAT)).toBe(false)
      expect(await oid()).toEqual(before)
      expect(await build(IVFFLAT, { rebuild: true })).toBe(true)
      expect(await oid()).not.toEqual(before)
    })

    test('keep what was tuned when they are rebuilt as they were, and lose it with another shape', async () => {
      const name = `embeddings_m${modelId}_ivfflat`
      const states = async () => (await indexes.tunings(modelId)).map(({ kind, state }) => `${kind} ${state}`)
      await build(IVFFLAT)
      await indexes.saveSetting(
        modelId,
        'text',
        { method: 'ivfflat', indexName: name, searchEffort: 3 },
        { wantedRecall: 0.9, measuredRecall: 0.93, sampledQueries: 50 },
      )
      await build(IVFFLAT, { rebuild: true })
      expect(await states()).toEqual(['text tuned', 'image not tuned'])
      await build({ kind: 'ivfflat', lists: 30 })
      expect(await states()).toEqual(['text not tuned', 'image not tuned'])
      expect(await indexes.indexes(modelId)).toMatchObject([{ name, options: ['lists=30'] }])
    })

    test('are dropped with what was tuned for them', async () => {
      expect(await build(IVFFLAT)).toBe(true)
      expect(await build(HNSW)).toBe(true)
      await indexes.saveSetting(
        modelId,
        'image',
        { method: 'hnsw', indexName: `embeddings_m${modelId}_hnsw`, searchEffort: 50 },
        { wantedRecall: 0.9, measuredRecall: 0.93, sampledQueries: 50 },
      )
      expect(await indexes.drop(modelId, 'hnsw')).toEqual([`embeddings_m${modelId}_hnsw`])
      expect(await indexes.drop(modelId, 'hnsw')).toEqual([])
      expect((await indexes.indexes(modelId)).map(({ method }) => method)).toEqual(['ivfflat'])
      expect((await indexes.tunings(modelId)).map(({ state }) => state)).toEqual(['not tuned', 'not tuned'])
    })

    test('say how queries are answered: exactly once the index is gone, and stale when the photos have doubled', async () => {
      await build(HNSW)
      const setting = { method: 'hnsw', indexName: `embeddings_m${modelId}_hnsw`, searchEffort: 50 } as const
      await indexes.saveSetting(modelId, 'image', setting, {
        wantedRecall: 0.9,
        measuredRecall: 0.93,
        sampledQueries: 7,
      })
      const image = async () => (await indexes.tunings(modelId)).find(tuning => tuning.kind === 'image')
      expect(await image()).toMatchObject({
        answeredBy: 'hnsw',
        searchEffort: 50,
        state: 'tuned',
        photosAtTuning: PHOTOS,
      })
      await database.query('update search_settings set photos = $1', [PHOTOS / 2])
      expect(await image()).toMatchObject({ answeredBy: 'hnsw', state: 'stale', sampledQueries: 7 })
      await database.query(`drop index ${setting.indexName}`)
      expect(await image()).toMatchObject({ answeredBy: 'exact', searchEffort: null, state: 'index missing' })
    })

    test('say what to do where memory does not do', async () => {
      const error = await build({ kind: 'ivfflat', lists: 500 }, { resources: { memory: MEBIBYTE, workers: 0 } })
      expect(error).toMatchObject({
        code: 'DATABASE_MEMORY',
        message: expect.stringMatching(/memory required.*--memory/),
      })
      expect(await indexes.indexes(modelId)).toEqual([])
    })

    if (kind === 'embedded')
      test('are not there when somebody stopped the build meanwhile', async () => {
        const { controller, result } = building(HNSW)
        controller.abort(new AppError('INTERRUPTED', 'stopped'))
        expect(await result).toMatchObject({ code: 'INTERRUPTED' })
        expect(await indexes.indexes(modelId)).toEqual([])
      })

    if (kind === 'native')
      describe('while they are built', () => {
        /** A transaction that has written and does not end: the build waits for it, so that it lasts as long as a test wants. */
        async function holdUp(): Promise<{ pid: number; end: () => Promise<unknown> }> {
          const writer = new pg.Client({ connectionString: url })
          clients.push(writer)
          await writer.connect()
          await writer.query('begin')
          await writer.query(`update embeddings_m${modelId} set stored_key = 'x' where photo_id = 'photo-0'`)
          const { rows } = await writer.query('select pg_backend_pid() as pid')
          return { pid: rows[0].pid, end: () => writer.query('rollback') }
        }
        const waiting = ({ events }: Building) =>
          until('the build to wait', () => events.find(event => event.kind === 'progress' && event.waitsFor !== null))

        test('tell how far they are and for whom they wait, and let others read and write', async () => {
          const writer = await holdUp()
          const build = building(HNSW)
          expect(await waiting(build)).toEqual({
            kind: 'progress',
            phase: 'waiting for writers before build',
            percent: null,
            waitsFor: writer.pid,
          })
          const [index] = await indexes.indexes(modelId)
          expect(index).toMatchObject({ state: 'building', phase: 'waiting for writers before build' })
          expect(index!.pid).toEqual(expect.any(Number))
          await database.query(`update embeddings_m${modelId} set stored_key = 'y' where photo_id = 'photo-1'`)
          expect(await database.query(`select from similar_photos('photo-1', 3)`)).toHaveLength(3)
          await writer.end()
          expect(await build.result).toBe(true)
        })

        test('refuse a second build of the same model', async () => {
          const writer = await holdUp()
          const first = building(HNSW)
          await waiting(first)
          expect(await build(IVFFLAT)).toMatchObject({
            code: 'DATABASE_BUSY',
            message: expect.stringMatching(/^Process \d+ of the server is already building/),
          })
          await writer.end()
          expect(await first.result).toBe(true)
        })

        test('let the next build begin as soon as they are done', async () => {
          for (const shape of [IVFFLAT, HNSW]) {
            expect(await build(shape)).toBe(true)
            const locks = await database.query(
              `select from pg_locks l join pg_database d on d.oid = l.database
                where l.locktype = 'advisory' and d.datname = current_database()`,
            )
            expect(locks).toEqual([])
          }
        })

        test('are cancelled on the server by who stops the command, and leave nothing', async () => {
          const writer = await holdUp()
          const build = building(HNSW)
          await waiting(build)
          build.controller.abort(new AppError('INTERRUPTED', 'stopped'))
          await until('the build to be cancelled', async () => {
            const active = await database.query(
              `select from pg_stat_progress_create_index where datname = current_database()`,
            )
            return active.length === 0
          })
          await writer.end()
          expect(await build.result).toMatchObject({ code: 'INTERRUPTED' })
          expect(await indexes.indexes(modelId)).toEqual([])
        })

        test('are built anew after their server process was killed, without what that left', async () => {
          const writer = await holdUp()
          const killed = building(HNSW)
          await waiting(killed)
          await database.query(
            'select pg_terminate_backend(pid) from pg_stat_progress_create_index where datname = current_database()',
          )
          expect(await killed.result).toMatchObject({ code: 'DATABASE_UNREACHABLE' })
          await writer.end()
          const name = `embeddings_m${modelId}_hnsw`
          expect(await indexes.indexes(modelId)).toMatchObject([
            { name: `${name}_building`, state: 'invalid', pid: null },
          ])
          const again = building(HNSW)
          expect(await again.result).toBe(true)
          expect(again.events).toContainEqual({ kind: 'removed', index: `${name}_building` })
          expect(await indexes.indexes(modelId)).toMatchObject([{ name, state: 'ready' }])
        })

        test('are taken over when the server has completed what its command had begun', async () => {
          const name = `embeddings_m${modelId}_hnsw`
          await build(HNSW)
          await database.query(`alter index ${name} rename to ${name}_building`)
          const again = building(HNSW)
          expect(await again.result).toBe(true)
          expect(again.events).toEqual([{ kind: 'adopted', index: name }])
          expect(await indexes.indexes(modelId)).toMatchObject([{ name, state: 'ready', photosAtBuild: PHOTOS }])
        })
      })
  })
})
