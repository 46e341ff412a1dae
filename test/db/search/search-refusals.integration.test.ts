import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../../../src/db/label-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import type { PhotoColumn } from '../../../src/domain/photo.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import type { ColumnFilter, FilterOperator, LabelFilter } from '../../../src/domain/ports/search.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { aModel } from '../factories.js'

const kinds = serverKinds()
describe.each(kinds)('what a search cannot answer, on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    let search: PostgresSearchRepository
    let modelId: ModelId

    // Without a single photo: a question that makes no sense is refused also where nothing could be found.
    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      search = new PostgresSearchRepository(database)
      modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: 3 }))
      const labels = new PostgresLabelRepository(database)
      const prompts = [Float32Array.of(1, 0, 0), Float32Array.of(0, 1, 0)]
      await labels.savePrompts(modelId, { name: 'side', template: '{label}', labels: ['left', 'right'] }, prompts)
      await labels.savePrompts(modelId, { name: 'height', template: '{label}', labels: ['high', 'low'] }, prompts)
    })
    afterAll(() => server?.close())

    test.each<[string, ColumnFilter | LabelFilter, string]>([
      [
        'an unknown column',
        { column: 'exif_isso' as PhotoColumn, operator: '=', value: '1' },
        'photos have no column "exif_isso"; the columns are photo_id,',
      ],
      [
        'a column that is not of the dataset',
        { column: 'created_at' as PhotoColumn, operator: '=', value: '1' },
        'no column "created_at"',
      ],
      ['a system column', { column: 'ctid' as PhotoColumn, operator: '=', value: '1' }, 'no column "ctid"'],
      [
        'an unknown operator',
        { column: 'exif_iso', operator: 'like' as FilterOperator, value: '1' },
        '"like" is no operator; the operators are = != < <= > >= ~',
      ],
      [
        'text for a number',
        { column: 'exif_iso', operator: '>=', value: 'abc' },
        'exif_iso expects integer, found "abc"',
      ],
      [
        'a number that is too large',
        { column: 'exif_iso', operator: '>=', value: '99999999999' },
        'exif_iso expects integer, found "99999999999"',
      ],
      [
        'a fraction for an integer',
        { column: 'photo_width', operator: '=', value: '1.5' },
        'photo_width expects integer, found "1.5"',
      ],
      [
        'nothing for a number',
        { column: 'stats_views', operator: '=', value: '' },
        'stats_views expects bigint, found ""',
      ],
      [
        'a date that does not exist',
        { column: 'photo_submitted_at', operator: '<', value: '2020-02-31' },
        'photo_submitted_at expects timestamp without time zone, found "2020-02-31"',
      ],
      [
        'neither true nor false',
        { column: 'photo_featured', operator: '=', value: 'maybe' },
        'photo_featured expects boolean, found "maybe"',
      ],
      [
        '~ on a number',
        { column: 'exif_iso', operator: '~', value: '1' },
        '~ looks inside text, and exif_iso is integer',
      ],
      [
        'null',
        { column: 'exif_iso', operator: '=', value: null as unknown as string },
        'exif_iso expects integer, found null',
      ],
      ['an object', { column: 'exif_iso', operator: '=', value: {} as string }, 'exif_iso expects integer, found {}'],
      [
        'NUL',
        { column: 'photo_description', operator: '=', value: 'a\0b' },
        'the condition on "photo_description" expects text without NUL and lone surrogates, found one of them',
      ],
      [
        'an unknown label set',
        { set: 'colour', label: 'red' },
        'there is no label set "colour" for this model; known: height, side',
      ],
      [
        'an unknown label',
        { set: 'side', label: 'top' },
        'label set side has no label "top"; its labels are left, right',
      ],
      [
        'a score above 1',
        { set: 'side', label: 'left', minScore: 1.5 },
        'min_score expects a number between 0 and 1, found 1.5',
      ],
      [
        'a score below 0',
        { set: 'side', label: 'left', minScore: -1 },
        'min_score expects a number between 0 and 1, found -1',
      ],
    ])('refuses %s, and says what was expected', async (_, condition, message) => {
      const options = 'set' in condition ? { labels: [condition] } : { where: [condition] }
      await expect(search.search(modelId, Float32Array.of(1, 0, 0), { k: 1, ...options })).rejects.toMatchObject({
        code: 'FILTER_INVALID',
        message: expect.stringContaining(message),
      })
    })

    test.each([
      ['k 0', { k: 0 }, /k must be a whole number from 1, found 0/],
      ['k -1', { k: -1 }, /k must be/],
      ['k 1.5', { k: 1.5 }, /k must be a whole number/],
      ['k NaN', { k: Number.NaN }, /k must be a whole number/],
      ['offset -1', { k: 1, offset: -1 }, /skip must be a whole number from 0, found -1/],
      ['a least score that is no number', { k: 1, minScore: Number.NaN }, /minScore must be a number, found NaN/],
      ['a page after no number', { k: 1, after: { score: Number.NaN, photoId: 'a' } }, /after.score must be a number/],
      ['an unknown kind', { k: 1, kind: 'sound' as 'text' }, /kind must be text, image or null, found sound/],
      ['offset 3e9', { k: 1, offset: 3e9 }, /offset must be a whole number/],
    ])('refuses %s', async (_, options, message) => {
      await expect(search.search(modelId, Float32Array.of(1, 0, 0), options)).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringMatching(message),
      })
    })

    test('refuses half of the place where a page goes on', async () => {
      const sql = 'select * from search_photos($1::vector, model => $2, after_score => $3, after_photo => $4)'
      for (const place of [
        [0.5, null],
        [null, 'a'],
      ])
        await expect(database.query(sql, ['[1,0,0]', String(modelId), ...place])).rejects.toMatchObject({
          code: 'USAGE',
          message: expect.stringContaining('give both or neither'),
        })
    })

    test('refuses a query without direction or of another length, and an unknown model', async () => {
      const ask = (id: number, ...query: number[]) => search.search(id, Float32Array.from(query), { k: 1 })
      await expect(ask(modelId, 0, 0, 0)).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringContaining('zero vector'),
      })
      await expect(ask(modelId, 1, 0)).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringContaining('3 numbers'),
      })
      await expect(ask(99, 1, 0, 0)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    })
  })
})
