import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database, Session } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import { toVectorText } from '../../../src/db/vector.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import type { ColumnFilter, Hit, SearchOptions } from '../../../src/domain/ports/search.js'
import { cosineSimilarity } from '../../../src/domain/similarity.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { aModel, aPhoto, embedPhotos, randomNumbers, randomVector, toHalf } from '../factories.js'

const PHOTOS = 2400
const LISTS = 25
const DIMENSION = 8

interface Settings {
  method: 'ivfflat' | 'hnsw'
  effort: number
  index?: string
}

/** As search_plan gives it. */
interface Plan extends Record<string, unknown> {
  ways: string[]
  distance: string | null
  candidates: number | null
  effort: number | null
  depth: number | null
  conditions: string
  needs_photos: boolean
}

const kinds = serverKinds()
describe.each(kinds)('search by an index on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    const random = randomNumbers(5)
    const query = randomVector(DIMENSION, random)
    const photos = Array.from({ length: PHOTOS }, (_, i) => {
      const vector = randomVector(DIMENSION, random).map(toHalf)
      return { id: `photo-${String(i).padStart(4, '0')}`, vector, chance: Math.floor((random() + 0.5) * PHOTOS) }
    })
    // Every fourth photo is the one before it once more.
    for (let i = 3; i < PHOTOS; i += 4) photos[i]!.vector = photos[i - 1]!.vector
    const ranked = photos
      .map(photo => ({ ...photo, score: cosineSimilarity(photo.vector, query) }))
      .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
    const depth = new Map(ranked.map(({ id }, i) => [id, i]))
    let server: TestServer
    let database: Database
    let search: PostgresSearchRepository
    let modelId: ModelId

    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      search = new PostgresSearchRepository(database)
      modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: DIMENSION }))
      // exif_iso falls on photos by chance; photo_width and photo_height follow, and run against, the likeness to the query.
      await embedPhotos(
        database,
        modelId,
        photos.map(({ id, chance }) =>
          aPhoto(id, { exif_iso: chance, photo_width: depth.get(id)!, photo_height: PHOTOS - 1 - depth.get(id)! }),
        ),
        photos.map(({ vector }) => vector),
      )
      const table = `embeddings_m${modelId}`
      const expression = `(embedding::halfvec(${DIMENSION}))`
      await database.query(
        `create index ${table}_ivfflat on ${table} using ivfflat (${expression} halfvec_cosine_ops) with (lists = ${LISTS})`,
      )
      await database.query(`create index ${table}_hnsw on ${table} using hnsw (${expression} halfvec_ip_ops)`)
      await database.query('analyze photos')
      await database.query(`analyze ${table}`)
    })
    afterAll(() => server?.close())

    const use = async ({ method, effort, index = `embeddings_m${modelId}_${method}` }: Settings) => {
      await database.query('delete from search_settings')
      await database.query(
        `insert into search_settings (model_id, query_kind, method, index_name, effort, photos)
         values ($1, 'text', $2, $3, $4, $5)`,
        [modelId, method, index, effort, PHOTOS],
      )
    }
    const find = (options: SearchOptions): Promise<Hit[]> => search.search(modelId, query, { kind: 'text', ...options })
    const found = async (options: SearchOptions) => (await find(options)).map(hit => hit.photoId)
    const planOf = async (
      session: Session,
      where: readonly ColumnFilter[] = [],
      { k = 10, offset = 0, kind = 'text' } = {},
    ) =>
      (
        await session.query<Plan>('select * from search_plan($1, $2, $3, $4, $5, $6)', [
          modelId,
          k,
          offset,
          '[]',
          JSON.stringify(where),
          kind,
        ])
      )[0]!
    const upTo = (column: ColumnFilter['column'], share: number): ColumnFilter => ({
      column,
      operator: '<',
      value: String(Math.round(share * PHOTOS)),
    })

    /** The scans of the statement that search_embeddings runs first, planned with the settings under which it runs it. */
    const scans = (where: readonly ColumnFilter[], options = {}): Promise<string[]> =>
      database.transaction(async session => {
        const plan = await planOf(session, where, options)
        const way = plan.ways[0]!
        for (const [name, value] of Object.entries({
          'ivfflat.probes': way === 'ivfflat' ? plan.effort! : 1,
          'hnsw.ef_search': way === 'hnsw' ? plan.effort! : 40,
          enable_seqscan: way === 'half' || way === 'single',
          enable_sort: way === 'half' || way === 'single',
        }))
          await session.query('select set_config($1, $2, true)', [name, String(value)])
        const [{ statement }] = (await session.query<{ statement: string }>(
          'select search_statement($1, $2, $3, $4, $5) as statement',
          [modelId, way, plan.distance, plan.conditions, plan.needs_photos],
        )) as [{ statement: string }]
        const vector = toVectorText(query)
        const values = [
          vector,
          null,
          '[]',
          JSON.stringify(where),
          10,
          0,
          null,
          null,
          null,
          vector,
          plan.candidates,
          0.1,
          plan.depth,
        ]
        const types = 'vector,text,jsonb,jsonb,int,int,float8,float8,text,halfvec,bigint,float8,bigint'.split(',')
        await session.query(`prepare searched (${types}) as ${statement}`)
        const literals = values.map(value => (value === null ? 'null' : `'${value}'`))
        const [row] = await session.query<Record<string, [{ Plan: PlanNode }]>>(
          `explain (format json) execute searched (${literals})`,
        )
        await session.query('deallocate searched')
        return scansOf(row!['QUERY PLAN']![0].Plan)
      })

    describe.each<Settings>([
      { method: 'ivfflat', effort: 5 },
      { method: 'hnsw', effort: 60 },
    ])('$method', settings => {
      beforeAll(() => use(settings))

      test('is what the statement reads, with conditions and without', async () => {
        const index = `embeddings_m${modelId}_${settings.method}`
        expect(await scans([])).toContain(index)
        expect(await scans([upTo('exif_iso', 0.5)])).toContain(index)
      })

      test('is left aside for another kind of query, for few matches, and for what lies deep', async () => {
        const index = `embeddings_m${modelId}_${settings.method}`
        expect(await scans([], { kind: 'image' })).not.toContain(index)
        expect(await scans([upTo('exif_iso', 0.05)])).not.toContain(index)
        expect(await scans([], { offset: 31 })).not.toContain(index)
        expect(await scans([], { k: 251 })).not.toContain(index)
      })

      test('gives hits with their exact scores, in their order', async () => {
        const hits = await find({ k: 10 })
        expect(hits).toHaveLength(10)
        for (const { photoId, score } of hits) expect(score).toBeCloseTo(ranked[depth.get(photoId)!]!.score, 6)
        expect(hits).toEqual([...hits].sort((a, b) => b.score - a.score || (a.photoId < b.photoId ? -1 : 1)))
      })

      test('gives pages that fit together, as far as its candidates reach', async () => {
        const whole = await found({ k: 10 })
        const cut = [
          ...(await found({ k: 3 })),
          ...(await found({ k: 4, offset: 3 })),
          ...(await found({ k: 3, offset: 7 })),
        ]
        expect(cut).toEqual(whole)
      })

      test('gives every photo once, page after page, each going on after the last hit', async () => {
        const seen: Hit[] = []
        for (let page = 0; page < 12; page++) {
          const last = seen.at(-1)
          seen.push(...(await find({ k: 10, ...(last && { after: { score: last.score, photoId: last.photoId } }) })))
        }
        expect(new Set(seen.map(hit => hit.photoId)).size).toBe(120)
        expect(seen.map(hit => hit.score)).toEqual(seen.map(hit => hit.score).sort((a, b) => b - a))
        const first = depth.get(seen.at(-1)!.photoId)!
        // Past the candidates of the index nothing is left out.
        expect(ranked.slice(first - 59, first + 1).map(({ id }) => id)).toEqual(seen.slice(60).map(hit => hit.photoId))
      })

      test.each([0.5, 0.05, 0.005, 0.0005])(
        'gives k hits where k photos match, when %d of all do, wherever they lie',
        async share => {
          const count = Math.round(share * PHOTOS)
          for (const column of ['exif_iso', 'photo_width', 'photo_height'] as const) {
            const condition = upTo(column, share)
            const fits = ({ id, chance }: { id: string; chance: number }) =>
              column === 'exif_iso'
                ? chance < count
                : column === 'photo_width'
                  ? depth.get(id)! < count
                  : depth.get(id)! >= PHOTOS - count
            const expected = ranked.filter(fits)
            const hits = await found({ k: 10, where: [condition] })
            expect(hits).toHaveLength(Math.min(10, expected.length))
            expect(hits.every(id => expected.some(photo => photo.id === id))).toBe(true)
            // Few, or far from the query: all were compared.
            if (share < 0.5 || column === 'photo_height')
              expect(hits).toEqual(expected.slice(0, 10).map(({ id }) => id))
          }
        },
      )

      test('keeps its settings to itself', async () => {
        const names = [
          'ivfflat.probes',
          'hnsw.ef_search',
          'hnsw.iterative_scan',
          'ivfflat.iterative_scan',
          'enable_seqscan',
          'enable_sort',
          'jit',
        ]
        await database.transaction(async session => {
          await session.query('set local hnsw.ef_search = 33')
          await session.query('set local ivfflat.probes = 7')
          await session.query('set local hnsw.iterative_scan = strict_order')
          await session.query('set local ivfflat.iterative_scan = relaxed_order')
          const now = async () =>
            (
              await session.query<{ value: string }>('select current_setting(n) as value from unnest($1::text[]) n', [
                names,
              ])
            ).map(row => row.value)
          const before = await now()
          await session.query("select * from search_photos($1::vector, model => $2, filters => $3, kind => 'text')", [
            toVectorText(query),
            String(modelId),
            JSON.stringify([upTo('exif_iso', 0.5)]),
          ])
          expect(await now()).toEqual(before)
          expect(before.slice(0, 2)).toEqual(['7', '33'])
        })
      })
    })

    describe('with a least score', () => {
      /** Rows that scans of the whole table read while the statement ran, and what it returned. */
      const scanned = (statement: string, values: unknown[]) =>
        database.transaction(async session => {
          const read = async () =>
            (
              await session.query<{ rows: number }>(
                'select pg_stat_get_xact_tuples_returned($1::regclass)::integer as rows',
                [`embeddings_m${modelId}`],
              )
            )[0]!.rows
          const before = await read()
          const rows = await session.query<{ id: string }>(statement, values)
          return { ids: rows.map(row => row.id), rows: (await read()) - before }
        })
      const SEARCH = `
        select photo_id as id from search_photos($1, $2, 0, filters => $3, model => $4, min_score => $5, after_score => $6,
                                                 after_photo => $7, kind => 'text') order by rank`
      const searched = (options: {
        k: number
        least?: number
        after?: (typeof ranked)[number]
        where?: ColumnFilter[]
      }) =>
        scanned(SEARCH, [
          toVectorText(query),
          options.k,
          JSON.stringify(options.where ?? []),
          String(modelId),
          options.least ?? null,
          options.after?.score ?? null,
          options.after?.id ?? null,
        ])
      /** A score between the two photos at this rank; ranks of equal photos differ by their ids only. */
      const below = (rank: number) => ranked[rank]!.score - 1e-5
      const above = (least: number, fits: (photo: (typeof ranked)[number]) => boolean = () => true) =>
        ranked.filter(photo => photo.score >= least && fits(photo)).map(({ id }) => id)

      test('is counted right: comparing all photos reads them all', async () => {
        await database.query('delete from search_settings')
        const { ids, rows } = await searched({ k: 10, least: below(4) })
        expect(ids).toEqual(above(below(4)))
        expect(rows).toBeGreaterThanOrEqual(PHOTOS)
      })

      describe.each<Settings>([
        { method: 'ivfflat', effort: LISTS },
        { method: 'hnsw', effort: 400 },
      ])('by $method', settings => {
        beforeAll(() => use(settings))

        test.each([0, 4, 9, 25])('it finds all photos down to it and compares no others: rank %d', async rank => {
          const { ids, rows } = await searched({ k: 60, least: below(rank) })
          expect(ids).toEqual(above(below(rank)))
          expect(rows).toBe(0)
        })

        test('it finds nothing where nothing is that similar, and compares no others', async () => {
          expect(await searched({ k: 10, least: 0.99999 })).toEqual({ ids: [], rows: 0 })
        })

        test('its last page ends without comparing all', async () => {
          const least = below(24)
          const all = above(least)
          const found: string[] = []
          for (let pages = 0; pages < 4; pages++) {
            const last = ranked.find(({ id }) => id === found.at(-1))
            // The score as the search gave it, in single precision.
            const after = last && (await find({ k: 60 })).find(hit => hit.photoId === last.id)!
            const page = await searched({ k: 10, least, ...(after && { after: { ...last, score: after.score } }) })
            expect(page.rows).toBe(0)
            found.push(...page.ids)
          }
          expect(found).toEqual(all)
        })

        test('it compares all photos where the candidates end above it', async () => {
          const after = (await find({ k: 60 }))[34]!
          const { ids, rows } = await searched({
            k: 10,
            least: below(300),
            after: { ...ranked[depth.get(after.photoId)!]!, score: after.score },
          })
          expect(ids).toEqual(ranked.slice(35, 45).map(({ id }) => id))
          expect(rows).toBeGreaterThanOrEqual(PHOTOS)
        })

        test.each([
          ['by chance', 'exif_iso', ({ chance }: { chance: number }) => chance < PHOTOS / 2],
          ['the nearest half', 'photo_width', ({ id }: { id: string }) => depth.get(id)! < PHOTOS / 2],
          ['the farthest half', 'photo_height', ({ id }: { id: string }) => depth.get(id)! >= PHOTOS / 2],
        ] as const)('it finds those that fulfil conditions, and compares no others: %s', async (_, column, fits) => {
          const { ids, rows } = await searched({ k: 20, least: below(15), where: [upTo(column, 0.5)] })
          expect(ids).toEqual(above(below(15), fits))
          expect(rows).toBe(0)
        })

        test('near duplicates are found from each photo without comparing it with all others', async () => {
          await database.query(`update search_settings set query_kind = 'image'`)
          try {
            const pairs = `select photo_id || ' ' || other_id as id
              from near_duplicates(0.9999, $1, method => $2, up_to_photo => 'photo-0099') order by 1`
            const exact = await scanned(pairs, [String(modelId), 'exact'])
            const indexed = await scanned(pairs, [String(modelId), 'index'])
            expect(exact.ids.length).toBeGreaterThanOrEqual(25)
            expect(indexed.ids).toEqual(expect.arrayContaining(exact.ids))
            // Once, to choose the photos.
            expect(indexed.rows).toBeLessThanOrEqual(PHOTOS)
          } finally {
            await database.query(`update search_settings set query_kind = 'text'`)
          }
        })
      })

      test('lists that hold fewer photos than are wanted lead to more lists, not to all photos', async () => {
        await use({ method: 'ivfflat', effort: 1 })
        // A list has 96 photos; 60 hits are cut from 240 candidates.
        const whole = await searched({ k: 60 })
        expect(whole.ids).toHaveLength(60)
        expect(whole.rows).toBe(0)
        const some = await searched({ k: 60, least: below(20) })
        expect(some.rows).toBe(0)
        expect(above(below(20))).toEqual(expect.arrayContaining(some.ids))
      })
    })

    test('finds all that an exact search finds, where it reads the whole index', async () => {
      await use({ method: 'ivfflat', effort: LISTS })
      expect(await found({ k: 10 })).toEqual(ranked.slice(0, 10).map(({ id }) => id))
      const where = [upTo('exif_iso', 0.5)]
      const expected = ranked.filter(({ chance }) => chance < PHOTOS / 2)
      expect(await found({ k: 10, where })).toEqual(expected.slice(0, 10).map(({ id }) => id))
    })

    test('compares all photos where the index is missing, of another model, or unfinished', async () => {
      await use({ method: 'hnsw', effort: 10, index: 'embeddings_gone' })
      expect((await planOf(database)).ways).toEqual(['half', 'single'])
      expect(await found({ k: 10 })).toEqual(ranked.slice(0, 10).map(({ id }) => id))
      await use({ method: 'hnsw', effort: 10, index: 'photos_pkey' })
      expect((await planOf(database)).ways).toEqual(['half', 'single'])
      await use({ method: 'hnsw', effort: 10 })
      expect((await planOf(database)).ways).toEqual(['hnsw', 'half', 'single'])
      await database.query('update pg_index set indisvalid = false where indexrelid = $1::regclass', [
        `embeddings_m${modelId}_hnsw`,
      ])
      expect((await planOf(database)).ways).toEqual(['half', 'single'])
      expect(await found({ k: 10 })).toEqual(ranked.slice(0, 10).map(({ id }) => id))
    })
  })
})

interface PlanNode {
  'Node Type': string
  'Index Name'?: string
  Plans?: PlanNode[]
}

/** Indexes and kinds of scans of a plan. */
function scansOf(node: PlanNode): string[] {
  return [node['Index Name'] ?? node['Node Type'], ...(node.Plans ?? []).flatMap(scansOf)]
}
