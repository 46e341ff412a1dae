import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../../../src/db/label-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import { PHOTO_COLUMNS, type Photo, type PhotoColumn } from '../../../src/domain/photo.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import type { ColumnFilter, FilterOperator, LabelFilter } from '../../../src/domain/ports/search.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { aModel, aPhoto, embedPhotos, randomNumbers } from '../factories.js'

const MAKES = ['Canon', 'canon eos', 'NIKON', "O'Brien", '100%', 'a_b', 'back\\slash', '"quoted"', 'Ärger', '', null]
const TIMES = ['2014-09-29 00:08:38.594364', '2020-01-01 00:00:00', '2020-01-01 00:00:00.5', null]
const LABELS = { side: ['left', 'right'], height: ['high', 'low', "it's"] }

/** Photos on a small grid of integer vectors, where many have the same direction: ties are the rule. */
function aCollection(): { photo: Photo; vector: number[] }[] {
  const random = randomNumbers(11)
  const pick = <T>(values: readonly T[]): T => values[Math.floor((random() + 0.5) * values.length)]!
  return Array.from({ length: 80 }, (_, i) => {
    const vector: number[] = Array.from({ length: 3 }, () => pick([-2, -1, 0, 1, 2]))
    if (!vector.some(value => value !== 0)) vector[0] = 1
    return {
      vector,
      photo: aPhoto(`${pick(['a', 'B', '_', '-', 'Z', '0'])}${i}`, {
        exif_iso: pick([100, 200, 400, 800, null]),
        photo_featured: pick([true, false, null]),
        photo_aspect_ratio: pick([0.75, 1, 1.5, null]),
        stats_views: pick([0, 10, 5_000_000_000, null]),
        exif_camera_make: pick(MAKES),
        photo_submitted_at: pick(TIMES),
      }),
    }
  })
}

const bytes = (text: string): Buffer => Buffer.from(text)
const byBytes = (a: string, b: string): number => Buffer.compare(bytes(a), bytes(b))

/** The same arithmetic as pgvector's, exact for small integers. */
function distance(a: readonly number[], b: readonly number[]): number {
  const product = (x: readonly number[], y: readonly number[]) => x.reduce((sum, value, i) => sum + value * y[i]!, 0)
  return 1 - product(a, b) / Math.sqrt(product(a, a) * product(b, b))
}

const toMicroseconds = (text: string): string => (text.includes('.') ? text : `${text}.`).padEnd(26, '0')

function matches(photo: Photo, { column, operator, value }: ColumnFilter): boolean {
  const found = photo[column]
  if (found === null) return false
  if (operator === '~') return String(found).toLowerCase().includes(value.toLowerCase())
  const type = PHOTO_COLUMNS[column]
  const order =
    type === 'text'
      ? byBytes(String(found), value)
      : type === 'timestamp'
        ? byBytes(toMicroseconds(String(found)), toMicroseconds(value))
        : type === 'boolean'
          ? Number(found) - Number(value === 'true')
          : Number(found) - Number(value)
  return { '=': order === 0, '!=': order !== 0, '<': order < 0, '<=': order <= 0, '>': order > 0, '>=': order >= 0 }[
    operator
  ]
}

const COMPARISONS: FilterOperator[] = ['=', '!=', '<', '<=', '>', '>=']
const filterOf = (column: PhotoColumn, values: string[], operators = COMPARISONS): fc.Arbitrary<ColumnFilter> =>
  fc.record({ column: fc.constant(column), operator: fc.constantFrom(...operators), value: fc.constantFrom(...values) })
const filters = fc.array(
  fc.oneof(
    filterOf('exif_iso', ['100', '400', '-1', '2147483647']),
    filterOf('photo_featured', ['true', 'false']),
    filterOf('photo_aspect_ratio', ['1', '0.75', '1e3']),
    filterOf('stats_views', ['10', '5000000000']),
    filterOf('photo_submitted_at', ['2020-01-01 00:00:00', '2015-01-01 00:00:00']),
    filterOf('exif_camera_make', [...MAKES.filter(make => make !== null), 'zzz'], [...COMPARISONS, '~']),
    filterOf('exif_camera_make', ['CAN', '%', '_', '\\', "'", 'ä', 'x'], ['~']),
  ),
  { maxLength: 3 },
)
const labelFilter = (set: keyof typeof LABELS): fc.Arbitrary<LabelFilter> =>
  fc.record(
    { set: fc.constant(set as string), label: fc.constantFrom(...LABELS[set]), minScore: fc.constantFrom(0, 0.6, 1) },
    { requiredKeys: ['set', 'label'] },
  )
const labelFilters = fc.array(fc.oneof(labelFilter('side'), labelFilter('height')), { maxLength: 3 })
const queries = fc
  .tuple(...[0, 1, 2].map(() => fc.integer({ min: -3, max: 3 })))
  .filter(vector => vector.some(value => value !== 0))

const kinds = serverKinds()
describe.each(kinds)('search on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    const collection = aCollection()
    let server: TestServer
    let database: Database
    let search: PostgresSearchRepository
    let modelId: ModelId
    const labelled = new Map<string, Record<string, { label: string; score: number }>>()

    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      search = new PostgresSearchRepository(database)
      // A gentle logit scale, so that scores are spread over [0, 1].
      modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: 3, logitScale: 1 }))
      // Vectors are stored as they are, in small integers: their scores are exact, so equal ones are equal in SQL too.
      await database.query(`alter table embeddings_m${modelId} disable trigger unit_vector`)
      await database.query(`alter table embeddings_m${modelId} drop constraint embeddings_m${modelId}_unit_length`)
      const labels = new PostgresLabelRepository(database)
      const prompts = {
        side: [
          [-1, 0, 0],
          [1, 0, 0],
        ],
        height: [
          [0, 1, 0],
          [0, -1, 0],
          [0, 0, 1],
        ],
      }
      for (const [name, names] of Object.entries(LABELS))
        await labels.savePrompts(
          modelId,
          { name, template: '{label}', labels: names },
          prompts[name as keyof typeof prompts].map(vector => Float32Array.from(vector)),
        )
      await embedPhotos(
        database,
        modelId,
        collection.map(({ photo }) => photo),
        collection.map(({ vector }) => Float32Array.from(vector)),
        ['side', 'height'],
      )
      for (const row of await database.query<{ photo_id: string; set_name: string; label: string; score: number }>(
        'select * from photo_labels',
      ))
        labelled.set(row.photo_id, {
          ...labelled.get(row.photo_id),
          [row.set_name]: { label: row.label, score: row.score },
        })
    })
    afterAll(() => server?.close())

    function expected(query: number[], k: number, offset: number, where: ColumnFilter[], wanted: LabelFilter[]) {
      const sets = [...new Set(wanted.map(filter => filter.set))]
      const fits = (id: string, { set, label, minScore = 0 }: LabelFilter) => {
        const found = labelled.get(id)![set]!
        return found.label === label && found.score >= Math.fround(minScore)
      }
      return collection
        .filter(({ photo }) => where.every(filter => matches(photo, filter)))
        .filter(({ photo }) => sets.every(set => wanted.some(f => f.set === set && fits(photo.photo_id, f))))
        .map(({ photo, vector }) => ({ id: photo.photo_id, distance: distance(vector, query) }))
        .sort((a, b) => a.distance - b.distance || byBytes(a.id, b.id))
        .slice(offset, offset + k)
    }

    test('finds what an exact search in TypeScript finds, in its order, whatever the conditions', async () => {
      await fc.assert(
        fc.asyncProperty(
          queries,
          fc.integer({ min: 1, max: 100 }),
          fc.constantFrom(0, 0, 1, 7, 79, 1000),
          filters,
          labelFilters,
          async (query, k, offset, where, labels) => {
            const hits = await search.search(modelId, Float32Array.from(query), { k, offset, where, labels })
            const exact = expected(query, k, offset, where, labels)
            expect(hits.map(hit => hit.photoId)).toEqual(exact.map(hit => hit.id))
            expect(hits.map(hit => hit.score)).toEqual(exact.map(hit => 1 - hit.distance))
          },
        ),
        { numRuns: 150 },
      )
    })

    test('gives pages that together are the whole result', async () => {
      const query = Float32Array.of(1, 1, 0)
      const all = await search.search(modelId, query, { k: 100 })
      expect(all).toHaveLength(collection.length)
      const pages = []
      for (let offset = 0; offset < 84; offset += 12)
        pages.push(...(await search.search(modelId, query, { k: 12, offset })))
      expect(pages).toEqual(all)
    })

    test('goes on after a hit, also among hits with one score', async () => {
      const query = Float32Array.of(1, 1, 0)
      const all = await search.search(modelId, query, { k: 100 })
      for (const [i, { score, photoId }] of all.entries())
        expect(
          (await search.search(modelId, query, { k: 3, after: { score, photoId } })).map(hit => hit.photoId),
        ).toEqual(all.slice(i + 1, i + 4).map(hit => hit.photoId))
    })

    test('leaves out what is less similar than the least score, and keeps what is as similar', async () => {
      const query = Float32Array.of(1, 1, 0)
      const all = await search.search(modelId, query, { k: 100 })
      for (const { score } of all)
        expect(await search.search(modelId, query, { k: 100, minScore: score })).toEqual(
          all.filter(hit => hit.score >= score),
        )
      expect(await search.search(modelId, query, { k: 100, minScore: 1.1 })).toEqual([])
    })

    test('takes queries of any length, also those whose square is no number of single precision', async () => {
      const scores = async (length: number) =>
        (await search.search(modelId, Float32Array.of(length, 2 * length, 0), { k: 30 })).map(hit => hit.score)
      const expected = await scores(1)
      expect(expected).toHaveLength(30)
      for (const length of [1e-30, 1e-12, 1e12, 1e30])
        for (const [i, score] of (await scores(length)).entries()) expect(score).toBeCloseTo(expected[i]!, 6)
    })

    test('gives a hit its metadata and its labels', async () => {
      const [hit] = await search.search(modelId, Float32Array.of(1, 0, 0), { k: 1 })
      const { photo } = collection.find(entry => entry.photo.photo_id === hit!.photoId)!
      expect(hit).toEqual({
        photoId: photo.photo_id,
        score: 1,
        photo,
        labels: labelled.get(photo.photo_id),
        storedKey: null,
        correction: null,
      })
    })

    test('finds the neighbours of a photo, itself left out, those with the same embedding first', async () => {
      for (const { photo, vector } of collection.slice(0, 10)) {
        const hits = await search.similar(modelId, photo.photo_id, { k: 5, offset: 2 })
        const exact = expected(vector, 100, 0, [], []).filter(hit => hit.id !== photo.photo_id)
        expect(hits.map(hit => hit.photoId)).toEqual(exact.slice(2, 7).map(hit => hit.id))
      }
      await expect(search.similar(modelId, 'unknown', { k: 5 })).rejects.toMatchObject({
        code: 'NOT_EMBEDDED',
        message: expect.stringContaining('unknown'),
      })
    })

    test('looks up the photos of hits in a large collection instead of reading all', async () => {
      const undone = new Error('undone')
      const searched = database.transaction(async session => {
        await session.query('set local session_replication_role = replica')
        await session.query(
          `insert into photos (photo_id, photo_image_url)
           select 'many-' || i, 'https://images.example/' || i from generate_series(1, 30000) as i`,
        )
        await session.query(
          `insert into embeddings (model_id, photo_id, embedding)
           select $1, 'many-' || i, '[1,0,0]' from generate_series(1, 30000) as i`,
          [modelId],
        )
        await session.query('analyze photos, embeddings')
        const rowsRead = async () => {
          const [row] = await session.query<{ seq_tup_read: string }>(
            `select seq_tup_read from pg_stat_xact_user_tables where relname = 'photos'`,
          )
          return Number(row!.seq_tup_read)
        }
        const before = await rowsRead()
        for (const hits of [
          `search_photos('[1,2,0]', 5)`,
          `similar_photos('${collection[0]!.photo.photo_id}', 5)`,
          `search_hybrid(null, 5, query => '[1,2,0]', text_weight => 0)`,
          'browse_photos(5)',
        ]) {
          const key = hits.startsWith('similar') ? 'similar_id' : 'photo_id'
          const found = await session.query(
            `select p.photo_image_url from ${hits} as hit join photos p on p.photo_id = hit.${key}`,
          )
          expect(found).toHaveLength(5)
          expect([hits, await rowsRead()]).toEqual([hits, before])
        }
        throw undone
      })
      await expect(searched).rejects.toBe(undone)
    })

    test('never runs what is written into a column, an operator, a value or a label', async () => {
      const attacks = [
        `x'; drop table photos; --`,
        `exif_iso = 1) or (1 = 1`,
        `1' or '1' = '1`,
        `'); select pg_sleep(10); --`,
        `exif_iso" is null or "exif_iso`,
        `$1`,
        `%I`,
        `{"a": 1}`,
        `\\'; drop table photos; --`,
        `photos.exif_iso`,
        `1; create table attacked ()`,
      ]
      const run = async (condition: { where?: ColumnFilter[]; labels?: LabelFilter[] }) =>
        search.search(modelId, Float32Array.of(1, 0, 0), { k: 100, ...condition })
      for (const attack of attacks) {
        for (const operator of ['=', '~', '<'] as const) {
          const where: ColumnFilter[] = [{ column: 'exif_camera_make', operator, value: attack }]
          expect((await run({ where })).map(hit => hit.photoId).sort()).toEqual(
            collection
              .filter(({ photo }) => matches(photo, where[0]!))
              .map(({ photo }) => photo.photo_id)
              .sort(),
          )
        }
        for (const condition of [
          { where: [{ column: attack as PhotoColumn, operator: '=' as const, value: '1' }] },
          { where: [{ column: 'exif_iso' as const, operator: attack as FilterOperator, value: '1' }] },
          { where: [{ column: 'exif_iso' as const, operator: '=' as const, value: attack }] },
          { labels: [{ set: attack, label: 'left' }] },
          { labels: [{ set: 'side', label: attack }] },
          { labels: [{ set: 'side', label: 'left', minScore: attack as unknown as number }] },
        ])
          await expect(run(condition)).rejects.toMatchObject({ code: 'FILTER_INVALID' })
        await expect(search.similar(modelId, attack, { k: 1 })).rejects.toMatchObject({ code: 'NOT_EMBEDDED' })
        expect(await search.photo(attack)).toBeNull()
      }
      expect(
        await database.query(`select to_regclass('attacked') as attacked, count(*) as photos from photos`),
      ).toEqual([{ attacked: null, photos: collection.length }])
    })
  })
})
