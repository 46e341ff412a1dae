import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { toVectorText } from '../../../src/db/vector.js'
import { cosineSimilarity } from '../../../src/domain/similarity.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { aModel, aPhoto, embedPhotos, randomNumbers, randomVector, toHalf } from '../factories.js'
import { type Limits, planWith } from './plan-limits.js'

const PHOTOS = 3000
const LISTS = 20
const DIMENSION = 8

interface Found extends Record<string, unknown> {
  id: string
  score: number
}

const kinds = serverKinds()
describe.each(kinds)('conditions that many photos meet, and none near the query, on the $kind server', server => {
  describe.skipIf(!server.available)('', () => {
    const random = randomNumbers(6)
    const query = randomVector(DIMENSION, random)
    const ranked = Array.from({ length: PHOTOS }, (_, i) => ({
      id: `photo-${String(i).padStart(4, '0')}`,
      vector: randomVector(DIMENSION, random).map(toHalf),
    }))
      .map(photo => ({ ...photo, score: cosineSimilarity(photo.vector, query) }))
      .sort((a, b) => b.score - a.score)
    const rankOf = new Map(ranked.map(({ id }, rank) => [id, rank]))
    let running: TestServer
    let database: Database

    beforeAll(async () => {
      running = await server.start()
      database = await running.freshDatabase()
      const modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: DIMENSION }))
      const inAnyOrder = ranked.toSorted((a, b) => (a.id < b.id ? -1 : 1))
      await embedPhotos(
        database,
        modelId,
        inAnyOrder.map(({ id }) => aPhoto(id, { photo_height: rankOf.get(id)! })),
        inAnyOrder.map(({ vector }) => vector),
      )
      const table = `embeddings_m${modelId}`
      const indexed = `(embedding::halfvec(${DIMENSION}))`
      await database.query(
        `create index ${table}_ivfflat on ${table} using ivfflat (${indexed} halfvec_cosine_ops) with (lists = ${LISTS})`,
      )
      await database.query(`create index ${table}_hnsw on ${table} using hnsw (${indexed} halfvec_ip_ops)`)
      await database.query('analyze photos')
      await database.query(`analyze ${table}`)
    })
    afterAll(() => running?.close())

    /** Many and deep mean less than they do in the program. */
    const use = async (method: string, limits: Partial<Limits> = {}) => {
      await database.query(planWith({ most_compared: 200, deepest: 300, drawn: 600, ...limits }))
      await database.query('delete from search_settings')
      await database.query(
        `insert into search_settings (model_id, query_kind, method, index_name, effort, photos)
         select id, 'text', $1, 'embeddings_m' || id || '_' || $1, $2, $3 from models`,
        [method, method === 'hnsw' ? 100 : LISTS, PHOTOS],
      )
    }
    const farther = (rank: number) => JSON.stringify([{ column: 'photo_height', operator: '>=', value: String(rank) }])
    const listed = (rank: number) => JSON.stringify([{ photos: ranked.slice(rank).map(({ id }) => id) }])

    /** Ids, scores, and the rows that scans of all embeddings read. */
    const search = (filters: string, { k = 10, skip = 0 } = {}) =>
      database.transaction(async session => {
        const read = async () =>
          (
            await session.query<{ rows: number }>(
              `select sum(pg_stat_get_xact_tuples_returned(to_regclass('embeddings_m' || id)))::integer as rows from models`,
            )
          )[0]!.rows
        const before = await read()
        const hits = await session.query<Found>(
          `select photo_id as id, score from search_photos($1, $2, $3, filters => $4, kind => 'text') order by rank`,
          [toVectorText(query), k, skip, filters],
        )
        return { hits, ids: hits.map(({ id }) => id), rows: (await read()) - before }
      })

    describe.each(['ivfflat', 'hnsw'])('%s', method => {
      test('they are tried in this order', async () => {
        await use(method)
        const ways = async (filters: string) =>
          (
            await database.query(`select ways from search_plan((select id from models), 10, 0, '[]', $1, 'text')`, [
              filters,
            ])
          )[0]!.ways
        expect(await ways(farther(PHOTOS / 2))).toEqual([method, 'deep', 'half', 'single'])
        expect(await ways('[]')).toEqual([method, 'half', 'single'])
        await use(method, { looked_first: 50 })
        expect(await ways(farther(PHOTOS / 2))).toEqual(['deep', 'half', 'single'])
        await use(method, { most_compared: 2000 })
        expect(await ways(farther(PHOTOS / 2))).toEqual([method, 'half', 'single'])
        // The index would be read 120 deep.
        await use(method, { most_compared: 2000, shallow: 100 })
        expect(await ways(farther(PHOTOS / 2))).toEqual(['half', 'single'])
      })

      test.each([15, 100])(
        'there are as many hits as wanted, and with every list read the exact ones: a first look above %i percent',
        async looked_first => {
          for (const passing of [1, 7, 40, 250, 1500, 2700]) {
            const conditions = {
              nearest: [{ column: 'photo_height', operator: '<', value: String(passing) }],
              farthest: [{ column: 'photo_height', operator: '>=', value: String(PHOTOS - passing) }],
              'of any rank': [
                { photos: ranked.filter((_, rank) => (rank * 7) % PHOTOS < passing).map(({ id }) => id) },
              ],
            }
            const passes = {
              nearest: (rank: number) => rank < passing,
              farthest: (rank: number) => rank >= PHOTOS - passing,
              'of any rank': (rank: number) => (rank * 7) % PHOTOS < passing,
            }
            for (const [name, filters] of Object.entries(conditions)) {
              const expected = ranked.filter((_, rank) => passes[name as keyof typeof passes](rank)).map(({ id }) => id)
              await use(method, { looked_first })
              const { ids } = await search(JSON.stringify(filters))
              expect(ids, `${name}, ${passing}`).toHaveLength(Math.min(10, expected.length))
              expect(new Set(ids).size).toBe(ids.length)
              expect(expected).toEqual(expect.arrayContaining(ids))
              // hnsw has no setting with which it is exact.
              if (method === 'hnsw') continue
              await use(method, { looked_first, deepest: PHOTOS })
              expect((await search(JSON.stringify(filters))).ids, `${name}, ${passing}, all read`).toEqual(
                expected.slice(0, 10),
              )
            }
          }
        },
      )

      test('the index is read deeper, as far as it takes', async () => {
        await use(method)
        const { ids, rows } = await search(farther(220))
        expect(ids.every(id => rankOf.get(id)! >= 220 && rankOf.get(id)! < 300)).toBe(true)
        expect(ids).toHaveLength(10)
        expect(rows).toBe(0)
      })

      test.each([
        ['a condition on photos', farther],
        ['a list of photos', listed],
      ])('some of those that meet %s are drawn and compared, always the same', async (_, condition) => {
        await use(method)
        const filters = condition(PHOTOS / 2)
        const whole = await search(filters, { k: 10 })
        expect(whole.ids).toHaveLength(10)
        // 600 of 1,500 are drawn, of which the ten nearest lie among the nearest fifty of them for certain enough.
        expect(whole.ids.every(id => rankOf.get(id)! >= PHOTOS / 2 && rankOf.get(id)! < PHOTOS / 2 + 150)).toBe(true)
        for (const { id, score } of whole.hits) expect(score).toBeCloseTo(ranked[rankOf.get(id)!]!.score, 6)
        expect(whole.hits).toEqual(whole.hits.toSorted((a, b) => b.score - a.score))
        if (condition === farther) expect(whole.rows).toBe(0)
        const cut = [...(await search(filters, { k: 4 })).ids, ...(await search(filters, { k: 6, skip: 4 })).ids]
        expect(cut).toEqual(whole.ids)
      })

      test('those that were found near the query stay, whatever is drawn', async () => {
        await use(method)
        const near = [240, 250, 260].map(rank => ranked[rank]!.id)
        const filters = JSON.stringify([{ photos: [...near, ...ranked.slice(PHOTOS / 2).map(({ id }) => id)] }])
        const { ids } = await search(filters)
        expect(ids.slice(0, 3)).toEqual(near)
        expect(ids).toHaveLength(10)
      })

      test('all are compared where too few were drawn', async () => {
        await use(method, { drawn: 1 })
        const { ids } = await search(farther(PHOTOS / 2))
        expect(ids).toEqual(ranked.slice(PHOTOS / 2, PHOTOS / 2 + 10).map(({ id }) => id))
      })
    })
  })
})
