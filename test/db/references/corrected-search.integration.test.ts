import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { PostgresReferenceRepository } from '../../../src/db/references/reference-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import { toVectorText } from '../../../src/db/vector.js'
import type { Hit, SearchOptions } from '../../../src/domain/ports/search.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { randomNumbers } from '../factories.js'
import { planWith } from '../search/plan-limits.js'
import {
  aVector,
  type Collection,
  compareAll,
  DIMENSION,
  embedCollection,
  floorOf,
  PHOTOS,
  type Ranked,
  ranked,
} from './collection.js'

/** Sums of single precision may differ by this from those of double precision, and swap hits that lie closer. */
const ROUNDING = 2e-6
/** By how much a score may change with a query in half precision. */
const HALF_ROUNDING = 2e-3
const WEIGHT = 0.75
const LISTS = 16

describe.each(serverKinds())('searches by words in a corrected order on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    let search: PostgresSearchRepository
    let references: PostgresReferenceRepository
    let collection: Collection
    let floor: number
    const queries = ((random = randomNumbers(23)) => Array.from({ length: 40 }, () => aVector(random, 1)))()

    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      search = new PostgresSearchRepository(database)
      references = new PostgresReferenceRepository(database)
      collection = await embedCollection(database)
      await compareAll(database, collection)
      floor = floorOf(collection)
      const table = `embeddings_m${collection.modelId}`
      await database.query(
        `create index ${table}_ivfflat on ${table} using ivfflat ((embedding::halfvec(${DIMENSION})) halfvec_cosine_ops) with (lists = ${LISTS})`,
      )
      await database.query(`analyze photos, ${table}, reference_scores`)
    })
    afterAll(() => server?.close())

    const find = (query: Float32Array, options: SearchOptions): Promise<Hit[]> =>
      search.search(collection.modelId, query, { kind: 'text', correctionWeight: WEIGHT, ...options })
    /** With every list probed, the index finds what there is: what is missing then, the bound has missed. */
    const useIndex = async (probes: number | null) => {
      await database.query('delete from search_settings')
      if (probes !== null)
        await database.query(
          `insert into search_settings (model_id, query_kind, method, index_name, effort, photos) values ($1, 'text', 'ivfflat', $2, $3, 1)`,
          [collection.modelId, `embeddings_m${collection.modelId}_ivfflat`, probes],
        )
    }

    /** Every hit has its own score and correction, and at each place stands one with the value that belongs there. */
    function expectOrder(hits: readonly Hit[], expected: readonly Ranked[], all: readonly Ranked[]): void {
      expect(hits).toHaveLength(expected.length)
      expect(new Set(hits.map(hit => hit.photoId)).size).toBe(hits.length)
      const known = new Map(all.map(each => [each.id, each]))
      for (const [i, { photoId, score, correction }] of hits.entries()) {
        expect(score - correction!).toBeCloseTo(expected[i]!.place, 5)
        expect(score).toBeCloseTo(known.get(photoId)!.score, 5)
        expect(correction).toBeCloseTo(known.get(photoId)!.correction, 5)
      }
      const places = hits.map(({ score, correction }) => score - correction!)
      for (const [i, place] of places.slice(1).entries())
        expect(place < places[i]! || (place === places[i] && hits[i + 1]!.photoId > hits[i]!.photoId)).toBe(true)
    }

    test.each([
      ['comparing all photos', null],
      ['an index', LISTS],
    ])('by %s, find what an exact computation finds, for any query, weight, page and condition', async (_, probes) => {
      await useIndex(probes)
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...queries),
          fc.constantFrom(1, 3, 10, 40, 200, 1100),
          fc.constantFrom(0, 0, 0, 5, 60),
          fc.constantFrom(0.05, 0.5, 0.75, 1, 2),
          fc.option(fc.integer({ min: 0, max: PHOTOS }), { nil: undefined }),
          fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
          async (query, k, offset, correctionWeight, iso, quantile) => {
            const all = ranked(collection, query, correctionWeight, floor)
            const passing = all.filter(({ id }) => iso === undefined || Number(id.slice(6)) < iso)
            const byScore = passing.map(({ score }) => score).sort((a, b) => b - a)
            const edge = quantile === undefined ? undefined : Math.floor(quantile * (byScore.length - 1))
            const [above, below] = edge === undefined ? [] : [byScore[edge], byScore[edge + 1]]
            const minScore = above! - below! > 3 * ROUNDING ? (above! + below!) / 2 : undefined
            const hits = await find(query, {
              k,
              offset,
              correctionWeight,
              ...(iso === undefined ? {} : { where: [{ column: 'exif_iso', operator: '<', value: String(iso) }] }),
              ...(minScore === undefined ? {} : { minScore }),
            })
            const expected = passing.filter(({ score }) => minScore === undefined || score >= minScore)
            expectOrder(hits, expected.slice(offset, offset + k), all)
          },
        ),
        { numRuns: 60 },
      )
    })

    test.each([
      ['comparing all photos', null],
      ['an index', LISTS],
    ])('by %s, give pages, each going on after the last hit, that together are the whole answer', async (_, probes) => {
      await useIndex(probes)
      const whole = await find(queries[0]!, { k: 300 })
      const pages: Hit[] = []
      for (let last: Hit | undefined; pages.length < whole.length; last = pages.at(-1))
        pages.push(
          ...(await find(queries[0]!, { k: 30, ...(last && { after: { score: last.score, photoId: last.photoId } }) })),
        )
      expect(pages).toEqual(whole)
      await useIndex(null)
    })

    test('are corrected by the weight of the model, where they name none', async () => {
      const query = queries[1]!
      const plain = await find(query, { k: 20, correctionWeight: 0 })
      expect(plain.map(hit => hit.correction)).toEqual(plain.map(() => null))
      expect(await find(query, { k: 20, correctionWeight: undefined })).toEqual(plain)
      await references.useWeight(collection.modelId, WEIGHT)
      const corrected = await find(query, { k: 20, correctionWeight: undefined })
      expect(corrected).toEqual(await find(query, { k: 20 }))
      expect(corrected).not.toEqual(plain)
      expect(await find(query, { k: 20, correctionWeight: 0 })).toEqual(plain)
      // What is not known to be a text, or is none, is not.
      for (const kind of [undefined, 'image'] as const)
        expect(await search.search(collection.modelId, query, { k: 20, kind })).toEqual(plain)
      await references.useWeight(collection.modelId, 0)
    })

    test('cannot be corrected where the query is no text', async () => {
      for (const kind of [undefined, 'image'] as const)
        await expect(
          search.search(collection.modelId, queries[0]!, { k: 1, kind, correctionWeight: 1 }),
        ).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('kind text') })
      await expect(find(queries[0]!, { k: 1, correctionWeight: 2.5 })).rejects.toMatchObject({ code: 'USAGE' })
    })

    test('count the photos that they find', async () => {
      await references.useWeight(collection.modelId, WEIGHT)
      const query = queries[2]!
      const hits = await find(query, { k: 50 })
      const dogs = hits.filter(({ photo }) => photo.ai_description === 'a dog').length
      const words = await search.sharedWords(collection.modelId, { query, kind: 'text', n: 50 })
      const [folder] = await search.facets(collection.modelId, { query, kind: 'text', n: 50, names: ['iso'], top: 50 })
      expect(folder!.values.reduce((sum, { photos }) => sum + photos, 0) + folder!.unknown).toBe(50)
      for (const { word, photos } of words) expect(photos).toBe(word === 'dog' ? dogs : 50 - dogs)
      await references.useWeight(collection.modelId, 0)
    })

    test('take the corrected order as the list by meaning of a hybrid search', async () => {
      const query = queries[3]!
      const by = (correctionWeight: number, textWeight = 0) =>
        search.hybrid(collection.modelId, 'dog', query, {
          k: 40,
          depth: 40,
          kind: 'text',
          textWeight,
          correctionWeight,
        })
      const hybrid = await by(WEIGHT)
      const corrected = await find(query, { k: 40 })
      expect(hybrid.map(hit => hit.photoId).sort()).toEqual(corrected.map(hit => hit.photoId).sort())
      const places = new Map(corrected.map(({ photoId, score, correction }) => [photoId, score - correction!]))
      for (const { photoId, vectorRank, vectorScore, correction } of hybrid) {
        const own = places.get(photoId)!
        expect(vectorRank).toBe(1 + [...places.values()].filter(place => place > own).length)
        expect(vectorScore! - correction!).toBe(own)
      }
      const plain = await by(0, 1)
      expect(plain.map(hit => hit.correction)).toEqual(plain.map(() => null))
    })

    test('compare all photos in one pass where pages go deep', async () => {
      const statement = async (way: string, corrected: boolean) =>
        (
          await database.query<{ sql: string }>(
            `select search_statement($1, $2, 'x', '', false, corrected => $3) as sql`,
            [collection.modelId, way, corrected],
          )
        )[0]!.sql
      for (const way of ['half', 'single']) {
        const sql = await statement(way, true)
        expect(sql.match(/from embeddings/g)).toHaveLength(1)
        // Without a correction nothing reads the reference scores.
        expect(await statement(way, false)).not.toMatch(/reference_scores|correction/)
      }
    })

    test('compare a part of many photos that the query dislikes', async () => {
      const query = queries[5]!
      const all = ranked(collection, query, WEIGHT, floor)
      const byScore = all.toSorted((a, b) => b.score - a.score)
      const table = `embeddings_m${collection.modelId}`
      const searched = (passing: readonly Ranked[]) =>
        database.transaction(async session => {
          const read = async () =>
            (
              await session.query<{ rows: number }>(
                'select pg_stat_get_xact_tuples_returned($1::regclass)::integer as rows',
                [table],
              )
            )[0]!.rows
          const before = await read()
          const hits = await session.query<{ id: string; place: number }>(
            `select photo_id as id, score - correction as place
               from search_photos($1::vector, 2, filters => $2, kind => 'text', correction_weight => $3) order by rank`,
            [toVectorText(query), JSON.stringify([{ photos: passing.map(({ id }) => id) }]), WEIGHT],
          )
          return { hits, rows: (await read()) - before }
        })
      await useIndex(LISTS)
      try {
        for (const limits of [
          { deepest: 300, drawn: 600 },
          { deepest: PHOTOS, drawn: 1 },
        ]) {
          await database.query(planWith({ most_compared: 200, ...limits }))
          const passing = byScore.slice(PHOTOS / 2)
          const { hits, rows } = await searched(passing)
          expect(hits).toHaveLength(2)
          const places = new Map(passing.map(({ id, place }) => [id, place]))
          for (const { id, place } of hits) expect(place).toBeCloseTo(places.get(id)!, 5)
          expect(hits).toEqual(hits.toSorted((a, b) => b.place - a.place))
          // Pages drawn at random: a part of the table, which has many.
          expect(rows).toBeLessThan(PHOTOS)
        }
      } finally {
        await database.query(planWith({}))
        await useIndex(null)
      }
    })

    test.each([300, PHOTOS])('of many photos, are looked for among the %i nearest', async deepest => {
      await useIndex(LISTS)
      try {
        await database.query(planWith({ most_compared: 200, deepest }))
        await fc.assert(
          fc.asyncProperty(
            fc.constantFrom(...queries),
            fc.constantFrom(1, 10, 40),
            fc.constantFrom(0, 0, 5, 60),
            fc.constantFrom(0.5, 0.75, 1),
            fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined }),
            async (query, k, offset, correctionWeight, edge) => {
              const all = ranked(collection, query, correctionWeight, floor)
              const byScore = all.map(({ score }) => score).sort((a, b) => b - a)
              fc.pre(edge === undefined || byScore[edge - 1]! - byScore[edge]! > 3 * ROUNDING)
              const minScore = edge === undefined ? undefined : (byScore[edge - 1]! + byScore[edge]!) / 2
              const where = minScore === undefined ? {} : { minScore }
              const hits = await find(query, { k, offset, correctionWeight, ...where })
              const from = (least: number) => all.filter(({ score }) => score >= Math.max(least, minScore ?? -1))
              if (deepest < PHOTOS) {
                // The index knows the query in half precision, which decides what is just among the nearest.
                const [surely, perhaps] = [HALF_ROUNDING, -HALF_ROUNDING].map(by => from(byScore[deepest - 1]! + by))
                expect(hits.length).toBeGreaterThanOrEqual(Math.min(k, surely!.length - offset))
                for (const [i, { score, correction }] of hits.entries()) {
                  expect(score - correction!).toBeGreaterThan((surely![offset + i]?.place ?? -1) - ROUNDING)
                  expect(score - correction!).toBeLessThan(perhaps![offset + i]!.place + ROUNDING)
                }
                return
              }
              const near = from(-1)
              expectOrder(hits, near.slice(offset, offset + k), all)
              const last = hits.at(-1)
              fc.pre(last !== undefined && near.length >= offset + 2 * k)
              const next = await find(query, {
                k,
                correctionWeight,
                ...where,
                after: { score: last!.score, photoId: last!.photoId },
              })
              expectOrder(next, near.slice(offset + k, offset + 2 * k), all)
            },
          ),
          { numRuns: 60 },
        )
      } finally {
        await database.query(planWith({}))
        await useIndex(null)
      }
    })

    test('are the same in SQL', async () => {
      const query = toVectorText(queries[4]!)
      await database.query(
        `insert into prompt_embeddings (model_id, prompt, embedding) values ($1, 'a query', $2::vector)`,
        [collection.modelId, query],
      )
      const columns = 'photo_id, score, correction'
      const byText = await database.query(
        `select ${columns} from search_text('a query', 25, correction_weight => 0.75)`,
      )
      const byVector = await database.query(
        `select ${columns} from search_photos($1::vector, 25, kind => 'text', correction_weight => 0.75)`,
        [query],
      )
      const hits = await find(queries[4]!, { k: 25 })
      expect(byText).toEqual(hits.map(({ photoId, score, correction }) => ({ photo_id: photoId, score, correction })))
      expect(byVector).toEqual(byText)
    })
  })
})
