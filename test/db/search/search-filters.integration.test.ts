import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import { PHOTO_COLUMNS, type Photo } from '../../../src/domain/photo.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import type { Filter, ListFilter, NearFilter, NullFilter } from '../../../src/domain/ports/search.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { aModel, aPhoto, embedPhotos, randomNumbers } from '../factories.js'

interface Entry {
  photo: Photo
  vector: Float32Array
  /** Keyword: the two services' confidences. */
  keywords: Record<string, [number | null, number | null]>
  /** Id: title. */
  collections: Record<string, string | null>
  colors: string[]
}

const PLACES = [
  [60.39, 5.32],
  [60.4, 5.3],
  [59.91, 10.75],
  [-16.5, 179.9],
  [-16.5, -179.9],
  [89.99, 0],
  [89.99, 180],
  [0, 0],
  [null, null],
] as const
const SIZES = [
  [3, 2],
  [2, 3],
  [2, 2],
  [null, null],
  [3, null],
] as const

function aCollection(): Entry[] {
  const random = randomNumbers(7)
  const pick = <T>(values: readonly T[]): T => values[Math.floor((random() + 0.5) * values.length)]!
  return Array.from({ length: 70 }, (_, i) => {
    const [latitude, longitude] = pick(PLACES)
    const [width, height] = pick(SIZES)
    return {
      photo: aPhoto(`${pick(['a', 'B', '-'])}${i}`, {
        photo_location_latitude: latitude,
        photo_location_longitude: longitude,
        photo_width: width,
        photo_height: height,
        exif_iso: pick([100, 200, null]),
        photo_location_country: pick(['Norway', "Côte d'Ivoire", '', null]),
        photo_submitted_at: pick(['2014-09-29 00:08:38.594364', '2020-01-01 00:00:00', null]),
      }),
      vector: Float32Array.of(1 + Math.floor(3 * (random() + 0.5)), Math.floor(3 * random()), 1),
      keywords: pick<Entry['keywords']>([
        {},
        { dog: [90, null] },
        { dog: [null, null] },
        { dog: [10, 60], snow: [5, 5] },
      ]),
      collections: pick<Entry['collections']>([{}, { c1: 'Winter' }, { c2: 'Winter', c3: null }, { Winter: 'c1' }]),
      colors: pick([[], ['black'], ['black', 'white']]),
    }
  })
}

const SEPARATE = { keywords: 'photo_keywords', collections: 'photo_collections', colors: 'photo_colors' }

/** By the law of cosines, which is another formula than haversine; exact enough from some metres on. */
function kilometres(a: readonly [number, number], b: readonly [number, number]): number {
  const [latitudeA, longitudeA, latitudeB, longitudeB] = [...a, ...b].map(degrees => (degrees * Math.PI) / 180)
  const cosine =
    Math.sin(latitudeA!) * Math.sin(latitudeB!) +
    Math.cos(latitudeA!) * Math.cos(latitudeB!) * Math.cos(longitudeA! - longitudeB!)
  return 6371.0088 * Math.acos(Math.min(1, Math.max(-1, cosine)))
}

function matches({ photo, keywords, collections, colors }: Entry, filter: Filter): boolean {
  if ('near' in filter) {
    const { latitude, longitude, km } = filter.near
    const { photo_location_latitude: north, photo_location_longitude: east } = photo
    return north !== null && east !== null && kilometres([north, east], [latitude, longitude]) <= km
  }
  if ('orientation' in filter) {
    const { photo_width: width, photo_height: height } = photo
    if (width === null || height === null) return false
    return filter.orientation === (width > height ? 'landscape' : width < height ? 'portrait' : 'square')
  }
  if ('photos' in filter) return filter.photos.includes(photo.photo_id)
  if ('not_photos' in filter) return !filter.not_photos.includes(photo.photo_id)
  if ('keyword' in filter) {
    const confidences = keywords[filter.keyword]
    const least = filter.min_confidence
    return (
      confidences !== undefined && (least === undefined || confidences.some(value => value !== null && value >= least))
    )
  }
  if ('collection' in filter)
    return Object.entries(collections).some(([id, title]) => filter.collection === id || filter.collection === title)
  if ('color' in filter) return colors.includes(filter.color)
  if ('shows' in filter) throw new Error('compared in shown-words.integration.test.ts')
  const found = photo[filter.column]
  if (filter.operator === 'is null') return found === null
  if (filter.operator === 'is not null') return found !== null
  if (filter.operator !== 'in') throw new Error('compared in search.test.ts')
  const wanted = filter.value.map(value => (PHOTO_COLUMNS[filter.column] === 'integer' ? Number(value) : value))
  return found !== null && wanted.includes(found as never)
}

const near = fc
  .record({
    place: fc.constantFrom(...PLACES.filter(place => place[0] !== null)),
    km: fc.constantFrom(0.1, 2, 30, 300, 5000, 20_100),
  })
  .map(
    ({ place: [latitude, longitude], km }): NearFilter => ({
      near: { latitude: latitude!, longitude: longitude!, km },
    }),
  )
const list = fc.oneof(
  fc.record<ListFilter>({
    column: fc.constant('exif_iso'),
    operator: fc.constant('in'),
    value: fc.subarray(['100', '200', '400']),
  }),
  fc.record<ListFilter>({
    column: fc.constant('photo_location_country'),
    operator: fc.constant('in'),
    value: fc.subarray(['Norway', "Côte d'Ivoire", '', 'norway']),
  }),
  fc.record<ListFilter>({
    column: fc.constant('photo_submitted_at'),
    operator: fc.constant('in'),
    value: fc.subarray(['2014-09-29 00:08:38.594364', '2020-01-01 00:00:00']),
  }),
)
const unknown = fc.record<NullFilter>({
  column: fc.constantFrom('exif_iso', 'photo_location_country', 'photo_width'),
  operator: fc.constantFrom('is null', 'is not null'),
})

const kinds = serverKinds()
describe.each(kinds)('filters on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    const entries = aCollection()
    const ids = entries.map(({ photo }) => photo.photo_id)
    let server: TestServer
    let database: Database
    let search: PostgresSearchRepository
    let modelId: ModelId

    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      search = new PostgresSearchRepository(database)
      modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: 3 }))
      await embedPhotos(
        database,
        modelId,
        entries.map(({ photo }) => photo),
        entries.map(({ vector }) => vector),
      )
    })
    afterAll(() => server?.close())

    const find = (where: readonly unknown[], k = 100) =>
      search.search(modelId, Float32Array.of(1, 1, 1), { k, where: where as Filter[] })

    test.each(Object.entries({ keyword: 'keywords', collection: 'collections', color: 'colors' }))(
      'says how to load the table that a %s is looked for in',
      async (subject, table) => {
        await expect(find([{ [subject]: 'dog' }])).rejects.toMatchObject({
          code: 'FILTER_INVALID',
          message: `there is no ${subject} to look for: the table photo_${table} is empty. Load it from the dataset: unsplash-clip ingest --table ${table}`,
        })
      },
    )

    describe('with the tables of the dataset', () => {
      beforeAll(async () => {
        for (const { photo, keywords, collections, colors } of entries) {
          for (const [keyword, confidences] of Object.entries(keywords))
            await database.query('insert into photo_keywords values ($1, $2, $3, $4)', [
              photo.photo_id,
              keyword,
              ...confidences,
            ])
          for (const [id, title] of Object.entries(collections))
            await database.query('insert into photo_collections values ($1, $2, $3)', [photo.photo_id, id, title])
          for (const [i, color] of colors.entries())
            await database.query('insert into photo_colors (photo_id, hex, keyword) values ($1, $2, $3)', [
              photo.photo_id,
              `00000${i}`,
              color,
            ])
        }
        for (const table of Object.values(SEPARATE)) await database.query(`analyze ${table}`)
      })

      const filter: fc.Arbitrary<Filter> = fc.oneof(
        near,
        list,
        unknown,
        fc.record({ orientation: fc.constantFrom('landscape', 'portrait', 'square') }),
        fc.record({ photos: fc.subarray([...ids, 'unknown']) }),
        fc.record({ not_photos: fc.subarray([...ids, 'unknown']) }),
        fc.record(
          { keyword: fc.constantFrom('dog', 'snow', 'cat'), min_confidence: fc.constantFrom(0, 5, 60, 90.5) },
          { requiredKeys: ['keyword'] },
        ),
        fc.record({ collection: fc.constantFrom('c1', 'c3', 'Winter', 'winter') }),
        fc.record({ color: fc.constantFrom('black', 'white', 'red') }),
      )

      test('leave the photos for which all of them hold', async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(filter, { minLength: 1, maxLength: 3 }), async where => {
            const hits = await find(where)
            const expected = entries.filter(entry => where.every(condition => matches(entry, condition)))
            expect(hits.map(hit => hit.photoId).sort()).toEqual(expected.map(({ photo }) => photo.photo_id).sort())
          }),
          { numRuns: 150 },
        )
      })

      test.each<[string, unknown, string]>([
        ['no object', 'dog', 'or one of near, orientation, photos, not_photos, keyword'],
        ['an empty object', {}, 'found {}'],
        ['an unknown kind', { close: 1 }, 'found {"close": 1}'],
        ['two kinds in one', { color: 'red', orientation: 'square' }, 'or one of near'],
        ['a column without operator', { column: 'exif_iso' }, 'found {"column": "exif_iso"}'],
        [
          'is null with a value',
          { column: 'exif_iso', operator: 'is null', value: '1' },
          'without a value for is null',
        ],
        [
          'in without a list',
          { column: 'exif_iso', operator: 'in', value: '1' },
          'in expects an array of values, found "1"',
        ],
        [
          'in with text for a number',
          { column: 'exif_iso', operator: 'in', value: ['1', 'x'] },
          'exif_iso expects integer, found ["1", "x"]',
        ],
        [
          'in with null',
          { column: 'exif_iso', operator: 'in', value: [null] },
          'exif_iso expects integer, found [null]',
        ],
        [
          'near without a distance',
          { near: { latitude: 1, longitude: 2 } },
          'near expects {"latitude": …, "longitude": …, "km": …}',
        ],
        ['near with a text', { near: { latitude: '1', longitude: 2, km: 3 } }, 'with numbers'],
        [
          'a latitude beyond the pole',
          { near: { latitude: 90.1, longitude: 2, km: 3 } },
          'latitude expects degrees from -90 to 90, found 90.1',
        ],
        [
          'a longitude beyond the date line',
          { near: { latitude: 1, longitude: 180.5, km: 3 } },
          'longitude expects degrees from -180 to 180',
        ],
        [
          'no distance',
          { near: { latitude: 1, longitude: 2, km: 0 } },
          'km expects a distance from 0.001 to 20100, found 0',
        ],
        ...[
          ['no date', '2014-13-45'],
          ['a day that is none', '2014-02-30'],
          ['a time zone that is none', '2014-02-03 04:05:06+99'],
          ['an unknown time zone', '2014-02-03 04:05:06 Mars/Olympus'],
        ].map(([what, value]): [string, object, string] => [
          what!,
          { column: 'photo_submitted_at', operator: '>', value },
          `photo_submitted_at expects timestamp without time zone, found "${value}"`,
        ]),
        ['an unknown orientation', { orientation: 'upright' }, 'landscape, portrait or square, found "upright"'],
        ['one photo for a list', { photos: 'a1' }, 'photos expects an array of photo ids, found "a1"'],
        ['numbers for photos', { not_photos: [1] }, 'not_photos expects an array of photo ids, found [1]'],
        ['a number for a keyword', { keyword: 1 }, 'keyword expects a text, found 1'],
        [
          'a confidence above 100',
          { keyword: 'dog', min_confidence: 101 },
          'min_confidence expects a number between 0 and 100, found 101',
        ],
        ['a confidence for a color', { color: 'red', min_confidence: 1 }, 'or one of near'],
      ])('refuse %s, and say what was expected', async (_, condition, message) => {
        await expect(find([condition])).rejects.toMatchObject({
          code: 'FILTER_INVALID',
          message: expect.stringContaining(message),
        })
      })

      test('refuse what is no array', async () => {
        const [query, model] = ['[1,1,1]', String(modelId)]
        for (const [labels, filters] of [
          ['{}', '[]'],
          ['[]', '"dog"'],
        ])
          await expect(
            database.query('select * from search_photos($1::vector, labels => $2, filters => $3, model => $4)', [
              query,
              labels,
              filters,
              model,
            ]),
          ).rejects.toMatchObject({ code: 'FILTER_INVALID', message: 'labels and filters must be JSON arrays' })
      })
    })
  })
})
