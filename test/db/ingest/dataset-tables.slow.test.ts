import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import type { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresTableRepository } from '../../../src/db/ingest/table-repository.js'
import type { DatasetRow, DatasetTableName } from '../../../src/domain/dataset-tables.js'
import type { TableRepository } from '../../../src/domain/ports/table-repository.js'
import { openDatasetTable } from '../../../src/producers/input/open-dataset-table.js'
import { type LoadOptions, type LoadSummary, loadTable } from '../../../src/producers/load-table.js'
import { folderWith } from '../../producers/input/tables.js'
import { serverKinds } from '../../support/servers/postgres.js'
import { aPhoto } from '../factories.js'
import { freshDatabases } from '../fresh-databases.js'

const KEYWORDS = 'photo_id\tkeyword\tai_service_1_confidence\tai_service_2_confidence\tsuggested_by_user\n'
const NEVER = new AbortController().signal

/** Three bytes a character, and no two neighbours alike, so that Postgres finds little to compress. */
const wide = (length: number) =>
  Array.from({ length }, (_, i) => String.fromCharCode(0x4e00 + ((i * 7919) % 20_000))).join('')

const kinds = serverKinds()
describe.each(kinds)('tables of the dataset on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let database: Database
    let ingest: PostgresIngestRepository
    let tables: TableRepository
    const fresh = freshDatabases(start)
    beforeEach(async () => {
      ;({ database, ingest } = await fresh())
      tables = new PostgresTableRepository(database)
    })

    const everything = (table: DatasetTableName) =>
      database.query(`select t.* from photo_${table} t order by t::text collate "C"`)

    /** Which version of its row every row has: a row that was written again has another one. */
    const versions = async (table: DatasetTableName) =>
      (await database.query(`select xmin::text || ctid::text as version from photo_${table} order by 1`)).map(
        row => row.version,
      )

    async function load(
      table: DatasetTableName,
      content: string,
      options: Partial<LoadOptions> = {},
      repository = tables,
    ): Promise<LoadSummary> {
      const path = join(await folderWith({ 'table.tsv': content }), 'table.tsv')
      const source = await openDatasetTable([path], table)
      try {
        return await loadTable(source, repository, { allPhotos: true, signal: NEVER, ...options })
      } finally {
        source.close()
      }
    }

    test.each([
      [
        'keywords',
        `${KEYWORDS}a1\tdog\t98.5\t\tf\n`,
        {
          photo_id: 'a1',
          keyword: 'dog',
          ai_service_1_confidence: 98.5,
          ai_service_2_confidence: null,
          suggested_by_user: false,
          user_suggestion_source: null,
          suggested_by_ai_service_3: null,
          confirmed_by_ai_service_3: null,
        },
      ],
      [
        'collections',
        'photo_id\tcollection_id\tcollection_title\tphoto_collected_at\na1\t162470\tDogs\t2016-03-15 17:04:25.123456\n',
        {
          photo_id: 'a1',
          collection_id: '162470',
          collection_title: 'Dogs',
          photo_collected_at: '2016-03-15 17:04:25.123456',
          collection_type: null,
        },
      ],
      [
        'colors',
        'photo_id\thex\tred\tgreen\tblue\tkeyword\tai_coverage\tai_score\na1\t2f4f4f\t47\t79\t79\tdarkslategrey\t0.25\t0.5\n',
        {
          photo_id: 'a1',
          hex: '2F4F4F',
          red: 47,
          green: 79,
          blue: 79,
          keyword: 'darkslategrey',
          ai_coverage: 0.25,
          ai_score: 0.5,
        },
      ],
      [
        'conversions',
        'converted_at\tconversion_type\tkeyword\tphoto_id\tanonymous_user_id\tconversion_country\n2020-02-28 11:30:36.437\tdownload\tdog\ta1\tuser-1\t\n',
        {
          converted_at: '2020-02-28 11:30:36.437',
          conversion_type: 'download',
          keyword: 'dog',
          photo_id: 'a1',
          anonymous_user_id: 'user-1',
          conversion_country: null,
          device_type: null,
          search_orientation_filter: null,
          search_ordering: null,
        },
      ],
    ] as const)('%s keep every value, and loaded again no row is written', async (table, content, row) => {
      expect(await load(table, content)).toMatchObject({ table, rows: 1, written: 1, unchanged: 0, badRows: 0 })
      expect(await everything(table)).toEqual([row])
      const before = await versions(table)
      expect(await load(table, content)).toMatchObject({ rows: 1, written: 0, unchanged: 1 })
      expect(await versions(table)).toEqual(before)
    })

    test('takes newer values, but never an unknown one for a known one', async () => {
      await load('keywords', `${KEYWORDS}a1\tdog\t10\t20\tf\na1\tcat\t1\t\tf\n`)
      expect(await load('keywords', `${KEYWORDS}a1\tdog\t11\t\tt\na1\tcat\t\t\t\n`)).toMatchObject({
        written: 1,
        unchanged: 1,
      })
      expect(await tables.loadRows('keywords', [['a1', 'dog', null, null, null]])).toEqual({ written: 0, refused: [] })
      expect((await everything('keywords')).map(row => Object.values(row).slice(0, 5))).toEqual([
        ['a1', 'cat', 1, null, false],
        ['a1', 'dog', 11, 20, true],
      ])
    })

    test('merges rows that come twice at once', async () => {
      const content = `${KEYWORDS}a1\tdog\t10\t\t\nb2\tdog\t\t\t\na1\tdog\t\t20\tf\na1\tdog\t30\t\t\n`
      expect(await load('keywords', content)).toMatchObject({ rows: 4, written: 2, unchanged: 2 })
      expect((await everything('keywords')).map(row => Object.values(row).slice(0, 5))).toEqual([
        ['a1', 'dog', 30, 20, false],
        ['b2', 'dog', null, null, null],
      ])
    })

    test('tells conversions apart by all of their values, unknown ones too', async () => {
      const conversion: DatasetRow = [
        ...['2020-02-28 11:30:36', 'download', 'dog', 'a1', 'user-1', 'NO'],
        ...['desktop', 'all', 'relevant'],
      ]
      const others = [0, 1, 2, 4, 5, 6, 7, 8].map(i => conversion.map((value, j) => (i === j && i > 0 ? null : value)))
      expect(await tables.loadRows('conversions', [conversion, ...others])).toEqual({ written: 8, refused: [] })
      expect(await tables.loadRows('conversions', [...others, conversion])).toEqual({ written: 0, refused: [] })
    })

    test('loads rows of the photos that are in the database, and counts the others', async () => {
      await ingest.upsertPhotos([aPhoto('a1'), aPhoto('c3')])
      const content = `${KEYWORDS}a1\tdog\t\t\tf\nb2\tdog\t\t\tf\nb2\tcat\t\t\tf\nc3\tcat\t\t\tf\n`
      expect(await load('keywords', content, { allPhotos: false })).toMatchObject({ written: 2, otherPhotos: 2 })
      expect((await everything('keywords')).map(row => row.photo_id)).toEqual(['a1', 'c3'])
      expect(await load('keywords', content)).toMatchObject({ written: 2, unchanged: 2, otherPhotos: 0 })
    })

    test('refuses to load nothing when there are no photos, and says what to do', async () => {
      await expect(load('keywords', `${KEYWORDS}a1\tdog\t\t\tf\n`, { allPhotos: false })).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: expect.stringMatching(/found no photo.*Ingest photos first.*--all-photos/),
      })
    })

    test('is finished by a second load after one that was interrupted', async () => {
      const lines = Array.from({ length: 12_000 }, (_, i) => `p${i % 3000}\tkeyword ${i}\t${i % 100}\t\tf`)
      const content = `${KEYWORDS}${lines.join('\n')}\n`
      const controller = new AbortController()
      const onProgress = ({ written }: LoadSummary) => written > 0 && controller.abort()
      await expect(load('keywords', content, { signal: controller.signal, onProgress })).rejects.toMatchObject({
        code: 'INTERRUPTED',
        message: expect.stringContaining('What was loaded until here stays'),
      })
      const [{ count }] = (await database.query('select count(*) from photo_keywords')) as [{ count: number }]
      expect(count).toBeGreaterThan(0)
      expect(count).toBeLessThan(12_000)
      expect(await load('keywords', content)).toMatchObject({ written: 12_000 - count, unchanged: count })
    })

    test('is loaded once by two who load it at the same time, in opposite orders', async () => {
      const lines = Array.from({ length: 10_000 }, (_, i) => `p${i % 100}\tkeyword ${i % 8000}\t${i}\t\tf`)
      const [forth, back] = await Promise.all([
        load('keywords', `${KEYWORDS}${lines.join('\n')}\n`),
        load('keywords', `${KEYWORDS}${lines.toReversed().join('\n')}\n`),
      ])
      expect([forth.rows, back.rows]).toEqual([10_000, 10_000])
      expect(await database.query('select count(*) from photo_keywords')).toEqual([{ count: 8000 }])
    })

    test('loads hostile texts as they are, and rows with bad ones not at all', async () => {
      const texts = [
        "'); drop table photos; --",
        '=cmd|/C calc!A0',
        '{"a",NULL}',
        '\\',
        '"quoted"',
        'null',
        '🌲'.repeat(200),
      ]
      const quoted = texts.map(text => `a1\t"${text.replaceAll('"', '""')}"\t\t\tf\n`).join('')
      const bad = `a1\t${'x'.repeat(500)}\t\t\tf\n../b\tdog\t\t\tf\na1\tn\0ul\t1e400\t\tmaybe\n`
      const seen: string[] = []
      const summary = await load('keywords', `${KEYWORDS}${quoted}${bad}`, {
        onBadRow: row => seen.push(row.problem.code),
      })
      expect(seen).toEqual(['VALUE_TOO_LONG', 'BAD_ID'])
      expect(summary).toMatchObject({
        rows: 10,
        written: 8,
        badRows: 2,
        badRowsByProblem: { VALUE_TOO_LONG: 1, BAD_ID: 1 },
        valueWarningsByKind: {
          'NUL_REMOVED keyword': 1,
          'BAD_VALUE ai_service_1_confidence': 1,
          'BAD_VALUE suggested_by_user': 1,
        },
      })
      const kept = (await everything('keywords')).map(row => row.keyword)
      expect(new Set(kept)).toEqual(new Set([...texts, 'nul']))
    })

    test('holds the widest row that is not refused', async () => {
      const widest: DatasetRow = [
        '2020-02-28 11:30:36',
        wide(64),
        wide(400),
        'x'.repeat(64),
        wide(128),
        wide(64),
        wide(48),
        wide(48),
        wide(48),
      ]
      expect(await tables.loadRows('conversions', [widest])).toEqual({ written: 1, refused: [] })
      expect(await tables.loadRows('collections', [['a1', wide(64), wide(400), null]])).toEqual({
        written: 1,
        refused: [],
      })
    })

    test('reads without a database, too', async () => {
      const path = join(await folderWith({ 'table.tsv': `${KEYWORDS}a1\tdog\t\t\tf\n\tcat\t\t\tf\n` }), 'table.tsv')
      const source = await openDatasetTable([path], 'keywords')
      expect(await loadTable(source, null, { signal: NEVER })).toMatchObject({ rows: 2, badRows: 1, written: 0 })
      source.close()
    })
  })
})
