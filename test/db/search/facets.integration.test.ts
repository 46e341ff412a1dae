import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../../../src/db/label-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import type { Photo } from '../../../src/domain/photo.js'
import type { Facet, FacetOptions } from '../../../src/domain/ports/facets.js'
import { METADATA_FACETS } from '../../../src/domain/ports/facets.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import type { Filter } from '../../../src/domain/ports/search.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { aModel, aPhoto, embedPhotos, randomNumbers } from '../factories.js'

const PHOTOS = 80
const SIDES = ['left', 'right', "it's"]
const ISO = ['up to 100', '101 to 200', '201 to 400', '401 to 800', '801 to 1600', '1601 to 3200', '3201 to 6400']

interface Entry {
  photo: Photo
  vector: Float32Array
  /** Values of the facets of which a photo has many. */
  many: Record<Many, string[]>
}

const MANY = ['keyword', 'color', 'collection'] as const
type Many = (typeof MANY)[number]
const FOLDERS = [
  'file:///home/me/photos/a.jpg',
  'file:///home/me/photos/2019/a.jpg',
  'file:///home/me/photos/2019/May%20(1)/b.jpg',
  'file:///home/me/photos/2020/c.jpg#t=1.5',
  'https://example.org/2020/c.jpg',
]

function aCollection(): Entry[] {
  const random = randomNumbers(23)
  const pick = <T>(values: readonly T[]): T => values[Math.floor((random() + 0.5) * values.length)]!
  return Array.from({ length: PHOTOS }, (_, i) => ({
    vector: Float32Array.from([pick([-1, 0, 1, 2]), pick([-1, 1]), pick([1, 2])]),
    many: {
      keyword: ['dog', 'snow', "o'clock", 'other'].filter(() => random() > 0.2),
      color: ['darkslategrey', 'snow'].filter(() => random() > 0.1),
      collection: ['Winter', '17'].filter(() => random() > 0.3),
    },
    photo: aPhoto(`p${i}`, {
      photo_image_url: pick(FOLDERS),
      photo_location_country: pick(['Norway', 'Japan', 'other', '', 'Ünlü', null]),
      photo_location_city: pick(['Bergen', null]),
      exif_camera_make: pick(['Canon', null, null]),
      exif_camera_model: pick(['EOS', 'D750']),
      photographer_username: `photographer-${Math.floor((random() + 0.5) * 20)}`,
      photo_featured: pick([true, false, null]),
      photo_width: pick([100, 200, null]),
      photo_height: pick([100, 200]),
      photo_submitted_at: pick(['2015-01-31 23:59:59', '2020-02-01 00:00:00', '2020-11-05 00:00:00', null]),
      exif_iso: pick([50, 100, 101, 400, 401, 6400, 25600, null]),
    }),
  }))
}

const isoOf = (iso: number): string =>
  iso > 6400 ? 'over 6400' : ISO[[100, 200, 400, 800, 1600, 3200, 6400].findIndex(most => iso <= most)]!

const VALUES: Record<Exclude<(typeof METADATA_FACETS)[number], Many | 'folder'>, (photo: Photo) => string | null> = {
  country: photo => photo.photo_location_country,
  city: photo => photo.photo_location_city,
  camera_make: photo => photo.exif_camera_make,
  camera_model: photo => photo.exif_camera_model,
  photographer: photo => photo.photographer_username,
  featured: photo => (photo.photo_featured === null ? null : String(photo.photo_featured)),
  orientation: ({ photo_width: width, photo_height: height }) =>
    width === null || height === null ? null : width > height ? 'landscape' : width < height ? 'portrait' : 'square',
  year: photo => photo.photo_submitted_at?.slice(0, 4) ?? null,
  month: photo => photo.photo_submitted_at?.slice(0, 7) ?? null,
  iso: photo => (photo.exif_iso === null ? null : isoOf(photo.exif_iso)),
}

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
const natural = (name: string, value: string): number | string =>
  name === 'iso' ? [...ISO, 'over 6400'].indexOf(value) : name === 'year' || name === 'month' ? value : 0

const kinds = serverKinds()
describe.each(kinds)('facets on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    const collection = aCollection()
    let server: TestServer
    let database: Database
    let repository: PostgresSearchRepository
    let search: PostgresSearchRepository
    let modelId: ModelId
    const sides = new Map<string, string>()

    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      repository = new PostgresSearchRepository(database)
      search = new PostgresSearchRepository(database)
      modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: 3, logitScale: 1 }))
      await new PostgresLabelRepository(database).savePrompts(
        modelId,
        { name: 'side', template: '{label}', labels: SIDES },
        [Float32Array.of(1, 0, 0), Float32Array.of(-1, 0, 0), Float32Array.of(0, 0, -1)],
      )
      const halves = [collection.slice(0, 60), collection.slice(60)]
      for (const [i, half] of halves.entries())
        await embedPhotos(
          database,
          modelId,
          half.map(({ photo }) => photo),
          half.map(({ vector }) => vector),
          i === 0 ? ['side'] : [], // the rest is not labelled
        )
      const columns = (name: Many) => {
        const rows = collection.flatMap(({ photo, many }) => many[name].map(value => [photo.photo_id, value] as const))
        return [rows.map(([id]) => id), rows.map(([, value]) => value)]
      }
      await database.query(
        `insert into photo_keywords (photo_id, keyword) select * from unnest($1::text[], $2::text[])`,
        columns('keyword'),
      )
      // Two shades of each colour: a photo counts once.
      await database.query(
        `insert into photo_colors (photo_id, hex, keyword)
         select id, shade || substr(upper(md5(value)), 1, 5), value
           from unnest($1::text[], $2::text[]) as given (id, value) cross join unnest('{A,B}'::text[]) as shade`,
        columns('color'),
      )
      // A collection without a title is called by its id.
      await database.query(
        `insert into photo_collections (photo_id, collection_id, collection_title)
         select id, value, case when value <> '17' then value end from unnest($1::text[], $2::text[]) as given (id, value)`,
        columns('collection'),
      )
      for (const row of await database.query<{ photo_id: string; label: string }>(
        'select photo_id, label from photo_labels',
      ))
        sides.set(row.photo_id, row.label)
    })
    afterAll(() => server?.close())

    function histogram(values: (string | null)[], name: string, top: number): Facet {
      const counts = new Map<string, number>()
      for (const value of values) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1)
      const all = [...counts]
        .map(([value, photos]) => ({ value, photos }))
        .sort((a, b) => b.photos - a.photos || byBytes(a.value, b.value))
      const shown = all.slice(0, top)
      const order = (value: string) => natural(name, value)
      return {
        name,
        values: [...shown].sort((a, b) =>
          order(a.value) < order(b.value) ? -1 : order(a.value) > order(b.value) ? 1 : 0,
        ),
        other: all.slice(top).reduce((sum, { photos }) => sum + photos, 0),
        unknown: values.filter(value => value === null).length,
      }
    }

    function facetOfMany(entries: Entry[], name: Many, top: number): Facet {
      const { values } = histogram(
        entries.flatMap(entry => entry.many[name]),
        name,
        top,
      )
      const shown = new Set(values.map(({ value }) => value))
      const without = entries.filter(entry => !entry.many[name].some(word => shown.has(word)))
      const unknown = without.filter(entry => entry.many[name].length === 0).length
      return { name, values, other: without.length - unknown, unknown }
    }

    /** Folders directly below the one that all files have in common. */
    function folders(entries: Entry[]): (string | null)[] {
      const paths = entries.map(({ photo: { photo_image_url: url } }) =>
        url.startsWith('file:') ? url.split('/').slice(0, -1) : null,
      )
      const known = paths.filter(path => path !== null)
      const isCommon = (depth: number) =>
        known.every(
          path => path.length >= depth && path.slice(0, depth).join('/') === known[0]!.slice(0, depth).join('/'),
        )
      let depth = 0
      while (known.length > 0 && depth < known[0]!.length && isCommon(depth + 1)) depth++
      return paths.map(path => (path && path.length > depth ? `${path.slice(0, depth + 1).join('/')}/` : null))
    }

    async function expected({
      names,
      query,
      n = 1000,
      top = 10,
      where = [],
      minScore,
    }: FacetOptions): Promise<Facet[]> {
      const hits = await search.search(modelId, query ?? Float32Array.of(1, 1, 1), {
        k: query ? n : PHOTOS,
        where,
        minScore: query ? minScore : undefined,
      })
      const ids = new Set(hits.map(hit => hit.photoId))
      const entries = collection.filter(entry => ids.has(entry.photo.photo_id))
      return names!.map(name => {
        if (MANY.includes(name as Many)) return facetOfMany(entries, name as Many, top)
        if (name === 'folder') return histogram(folders(entries), name, top)
        if (name !== 'side')
          return histogram(
            entries.map(({ photo }) => VALUES[name as keyof typeof VALUES](photo)),
            name,
            top,
          )
        const labels = entries.map(entry => sides.get(entry.photo.photo_id) ?? null)
        const values = SIDES.map(value => ({ value, photos: labels.filter(label => label === value).length }))
        return { name, values, other: 0, unknown: labels.filter(label => label === null).length }
      })
    }

    const options = fc.record(
      {
        names: fc.uniqueArray(fc.constantFrom('side', ...METADATA_FACETS), { minLength: 1, maxLength: 12 }),
        query: fc.constantFrom(Float32Array.of(1, 0, 0), Float32Array.of(-1, 2, 1)),
        n: fc.constantFrom(1, 25, 1000),
        top: fc.constantFrom(1, 3, 10),
        minScore: fc.constantFrom(-1, 0.3),
        where: fc.subarray<Filter>([
          { column: 'exif_iso', operator: '>=', value: '400' },
          { column: 'photo_location_country', operator: '=', value: 'Atlantis' },
          { photos: collection.slice(20, 70).map(({ photo }) => photo.photo_id) },
          { keyword: 'dog' },
          { color: 'snow' },
          { collection: '17' },
          { column: 'photo_image_url', operator: '~', value: 'file:///home/me/photos/2019/' },
          { orientation: 'landscape' },
        ]),
      },
      { requiredKeys: ['names'] },
    )

    test('count what counting in TypeScript gives, whatever the facets, the query and the conditions', async () => {
      await fc.assert(
        fc.asyncProperty(options, async given => {
          expect(await repository.facets(modelId, given)).toEqual(await expected(given))
        }),
        { numRuns: 60 },
      )
    })

    test('are all label sets and the usual columns unless told, and add up to the photos', async () => {
      const facets = await repository.facets(modelId, { top: 2 })
      expect(facets.map(facet => facet.name)).toEqual([
        'side',
        'country',
        'camera_make',
        'featured',
        'orientation',
        'year',
        'iso',
      ])
      for (const { values, other, unknown } of facets)
        expect(values.reduce((sum, { photos }) => sum + photos, other + unknown)).toBe(PHOTOS)
    })

    test('count a facet once that is asked for twice', async () => {
      const [year] = await repository.facets(modelId, { names: ['year'] })
      expect(await repository.facets(modelId, { names: ['year', 'year'] })).toEqual([year])
    })

    test('count the labels of many photos before their first analyze', async () => {
      const undone = new Error('undone')
      const counted = database.transaction(async session => {
        await session.query('set local session_replication_role = replica')
        await session.query(
          `with many as (select 'many-' || i as id from generate_series(1, 20000) as i), placed as (
             insert into photos (photo_id, photo_image_url) select id, 'https://images.example/' || id from many
           ), embedded as (
             insert into embeddings (model_id, photo_id, embedding) select $1, id, '[1,0,0]' from many
           )
           insert into label_rows (version, model_id, set_name, photo_id, label, score, scores)
           select s.version, s.model_id, s.name, id, 'left', 1, '{1}' from many, label_sets s where s.model_id = $1`,
          [modelId],
        )
        // To compare each photo with each label takes half a minute.
        await session.query(`set local statement_timeout = '10s'`)
        const [left] = await session.query<{ photos: number }>(
          `select photos from search_facets('{side}', model => $1::integer::text) where value = 'left'`,
          [modelId],
        )
        expect(left!.photos).toBe(20_000 + [...sides.values()].filter(side => side === 'left').length)
        throw undone
      })
      await expect(counted).rejects.toBe(undone)
    })

    test('refuse a name that is none, and know those that are', async () => {
      for (const name of ['colour', '', "side'; drop table photos; --", '%s', '\u0000'])
        await expect(repository.facets(modelId, { names: ['year', name] })).rejects.toMatchObject({
          code: 'USAGE',
          message: expect.stringContaining('known: side, country,'),
        })
      await expect(repository.facets(modelId, { top: 0 })).rejects.toMatchObject({ code: 'USAGE' })
      await expect(repository.facets(modelId, { where: [{ keyword: 1 as unknown as string }] })).rejects.toMatchObject({
        code: 'FILTER_INVALID',
      })
    })
  })
})
