import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/connection.js'
import { PostgresIndexRepository } from '../../src/db/index-repository.js'
import { toVectorText } from '../../src/db/vector.js'
import { AppError } from '../../src/domain/errors.js'
import { type IndexShape, MEBIBYTE } from '../../src/domain/index-plan.js'
import type { BuildEvent } from '../../src/domain/ports/index-repository.js'
import type { ModelId } from '../../src/domain/ports/repository.js'
import { dot, norm } from '../../src/domain/similarity.js'
import { serverKinds, type TestServer } from '../support/postgres.js'
import { until } from '../support/until.js'
import { type Clustered, DIMENSION, embedClusters } from './clustered.js'

const PHOTOS = 1000
const IVFFLAT: IndexShape = { kind: 'ivfflat', lists: 20 }
const HNSW: IndexShape = { kind: 'hnsw', m: 8, efConstruction: 32 }
const TEXT: IndexShape = { kind: 'text', lists: 20 }
const RESOURCES = { memory: 64 * MEBIBYTE, workers: 0 }

const kinds = serverKinds()
describe.each(kinds)('vector indexes on the $kind server', ({ kind, available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    let url: string
    let indexes: PostgresIndexRepository
    let modelId: ModelId
    let collection: Clustered
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
      collection = await embedClusters(database, PHOTOS, 50)
      modelId = collection.modelId
    })

    interface Building {
      events: BuildEvent[]
      controller: AbortController
      result: Promise<boolean | Error>
    }

    function building(shape: IndexShape, { rebuild = false, resources = RESOURCES } = {}): Building {
      const texts = shape.kind === 'text' ? collection.texts : undefined
      const events: BuildEvent[] = []
      const controller = new AbortController()
      const result = indexes
        .build(modelId, shape, resources, {
          texts,
          rebuild,
          onEvent: event => events.push(event),
          signal: controller.signal,
        })
        .catch((error: Error) => error)
      return { events, controller, result }
    }
    const build = (shape: IndexShape, options = {}) => building(shape, options).result

    /** What a search that has the form of docs/sql.md reads. */
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

    it.each([IVFFLAT, HNSW])('are built, known, and used by the documented statement: %j', async shape => {
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

    describe('for texts', () => {
      const name = () => `embeddings_m${modelId}_text`
      const functions = async () =>
        (
          await database.query<{ proname: string }>(
            `select proname from pg_proc where proname like 'text\\_%\\_m%' order by 1`,
          )
        ).map(row => row.proname)

      /** By the distance of the database's own function, as search takes its candidates. */
      async function candidates(text: Float32Array, count: number, probes: number) {
        const [made] = await database.query<{ distance: string }>('select text_index_distance($1) as distance', [
          name(),
        ])
        const statement = `select e.photo_id from embeddings_m${modelId} e order by ${made!.distance} limit ${count}`
        return database.transaction(async session => {
          await session.query('set local enable_seqscan = off')
          await session.query(`set local ivfflat.probes = ${probes}`)
          const plan = await session.query(`explain (format json) ${statement}`, [toVectorText(text)])
          expect(JSON.stringify(plan)).toContain(`"Index Name":"${name()}"`)
          return (await session.query<{ photo_id: string }>(statement, [toVectorText(text)])).map(row => row.photo_id)
        })
      }

      it('are built in a space of their own, where few candidates hold the nearest photos', async () => {
        expect(await build(TEXT)).toBe(true)
        const [index] = await indexes.indexes(modelId)
        expect(index).toMatchObject({
          name: name(),
          kind: 'text',
          method: 'ivfflat',
          state: 'ready',
          options: ['lists=20'],
        })
        expect(await database.query(`select text_index_distance('embeddings_m${modelId}_hnsw') as distance`)).toEqual([
          { distance: null },
        ])
        let found = 0
        for (const text of collection.texts.slice(0, 10)) {
          const nearest = collection.images
            .map(({ id, embedding }) => ({ id, score: dot(text, embedding) / norm(embedding) }))
            .sort((a, b) => b.score - a.score)
            .slice(0, 10)
          const window = new Set(await candidates(text, 40, 20))
          found += nearest.filter(({ id }) => window.has(id)).length
        }
        expect(found).toBeGreaterThanOrEqual(98)
      })

      it('leave their functions with the index, and take them away with it', async () => {
        const both = [`text_query_m${modelId}`, `text_space_m${modelId}`]
        await build(TEXT)
        expect(await functions()).toEqual(both)
        expect(await build(TEXT, { rebuild: true })).toBe(true)
        expect(await functions()).toEqual(both)
        expect(await candidates(collection.texts[0]!, 5, 20)).toHaveLength(5)
        expect(await indexes.drop(modelId, 'text')).toEqual([name()])
        expect(await functions()).toEqual([])
      })

      it('take in photos that come later', async () => {
        await build(TEXT)
        const [text] = collection.texts
        await database.query(
          `update embeddings_m${modelId} set embedding = $1::vector::halfvec where photo_id = 'photo-3'`,
          [toVectorText(text!)],
        )
        expect(await candidates(text!, 1, 20)).toEqual(['photo-3'])
      })
    })

    it('stay as they are when they are wanted again as they are', async () => {
      expect(await build(IVFFLAT)).toBe(true)
      const oid = () => database.query(`select 'embeddings_m${modelId}_ivfflat'::regclass::oid as oid`)
      const before = await oid()
      expect(await build(IVFFLAT)).toBe(false)
      expect(await oid()).toEqual(before)
      expect(await build(IVFFLAT, { rebuild: true })).toBe(true)
      expect(await oid()).not.toEqual(before)
    })

    it('keep what was tuned when they are rebuilt as they were, and lose it with another shape', async () => {
      const name = `embeddings_m${modelId}_ivfflat`
      const states = async () => (await indexes.tunings(modelId)).map(({ kind, state }) => `${kind} ${state}`)
      await build(IVFFLAT)
      await indexes.saveSetting(
        modelId,
        'text',
        { method: 'ivfflat', indexName: name, effort: 3 },
        { wantedRecall: 0.9, measuredRecall: 0.93, sampledQueries: 50 },
      )
      await build(IVFFLAT, { rebuild: true })
      expect(await states()).toEqual(['text tuned', 'image not tuned'])
      await build({ kind: 'ivfflat', lists: 30 })
      expect(await states()).toEqual(['text not tuned', 'image not tuned'])
      expect(await indexes.indexes(modelId)).toMatchObject([{ name, options: ['lists=30'] }])
    })

    it('are dropped with what was tuned for them', async () => {
      await build(IVFFLAT)
      await build(HNSW)
      await indexes.saveSetting(
        modelId,
        'image',
        { method: 'hnsw', indexName: `embeddings_m${modelId}_hnsw`, effort: 50 },
        { wantedRecall: 0.9, measuredRecall: 0.93, sampledQueries: 50 },
      )
      expect(await indexes.drop(modelId, 'hnsw')).toEqual([`embeddings_m${modelId}_hnsw`])
      expect(await indexes.drop(modelId, 'hnsw')).toEqual([])
      expect((await indexes.indexes(modelId)).map(({ method }) => method)).toEqual(['ivfflat'])
      expect((await indexes.tunings(modelId)).map(({ state }) => state)).toEqual(['not tuned', 'not tuned'])
    })

    it('say how queries are answered: exactly once the index is gone, and stale when the photos have doubled', async () => {
      await build(HNSW)
      const setting = { method: 'hnsw', indexName: `embeddings_m${modelId}_hnsw`, effort: 50 } as const
      await indexes.saveSetting(modelId, 'image', setting, {
        wantedRecall: 0.9,
        measuredRecall: 0.93,
        sampledQueries: 7,
      })
      const image = async () => (await indexes.tunings(modelId)).find(tuning => tuning.kind === 'image')
      expect(await image()).toMatchObject({ answeredBy: 'hnsw', effort: 50, state: 'tuned', photosAtTuning: PHOTOS })
      await database.query('update search_settings set photos = $1', [PHOTOS / 2])
      expect(await image()).toMatchObject({ answeredBy: 'hnsw', state: 'stale', sampledQueries: 7 })
      await database.query(`drop index ${setting.indexName}`)
      expect(await image()).toMatchObject({ answeredBy: 'exact', effort: null, state: 'index missing' })
    })

    it('say what to do where memory does not do', async () => {
      const error = await build({ kind: 'ivfflat', lists: 500 }, { resources: { memory: MEBIBYTE, workers: 0 } })
      expect(error).toMatchObject({
        code: 'DATABASE_MEMORY',
        message: expect.stringMatching(/memory required.*--memory/),
      })
      expect(await indexes.indexes(modelId)).toEqual([])
    })

    if (kind === 'embedded')
      it('are not there when somebody stopped the build meanwhile', async () => {
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

        it('tell how far they are and for whom they wait, and let others read and write', async () => {
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

        it('refuse a second build of the same model', async () => {
          const writer = await holdUp()
          const first = building(HNSW)
          await waiting(first)
          expect(await build(IVFFLAT)).toMatchObject({
            code: 'DATABASE_BUSY',
            message: expect.stringMatching(/by process \d+ of the server/),
          })
          await writer.end()
          expect(await first.result).toBe(true)
        })

        it('are cancelled on the server by who stops the command, and leave nothing', async () => {
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

        it('are built anew after their server process was killed, without what that left', async () => {
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

        it('are taken over when the server has completed what its command had begun', async () => {
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
