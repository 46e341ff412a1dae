import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { DATASET_TABLE_NAMES, DATASET_TABLES, type DatasetTableName } from '../../../src/domain/dataset-tables.js'
import { openDatasetTable, type TableSourceRow } from '../../../src/producers/input/open-dataset-table.js'
import { openInput } from '../../../src/producers/input/open-input.js'
import { folderWith, numbered, tsv } from './tables.js'
import { zipFile } from './zip-file.js'

const KEYWORDS = 'photo_id\tkeyword\tai_service_1_confidence\tai_service_2_confidence\tsuggested_by_user\n'
const COLORS = 'photo_id\thex\tred\tgreen\tblue\tkeyword\tcoverage\tscore\n'
const CONVERSIONS = 'converted_at\tconversion_type\tkeyword\tphoto_id\tanonymous_user_id\tconversion_country\n'
const COLLECTIONS = 'photo_id\tcollection_id\tcollection_title\tphoto_collected_at\n'

async function read(
  table: DatasetTableName,
  files: Record<string, string | Buffer>,
  ...names: string[]
): Promise<{ rows: TableSourceRow[]; warnings: readonly string[] }> {
  const folder = await folderWith(files)
  const source = await openDatasetTable(names.length > 0 ? names.map(name => join(folder, name)) : [folder], table)
  try {
    const rows: TableSourceRow[] = []
    for await (const row of source.rows()) rows.push(row)
    return { rows, warnings: source.warnings }
  } finally {
    source.close()
  }
}

/** Without the unknown values at the end. */
const valuesOf = (rows: readonly TableSourceRow[]) =>
  rows.map(({ row }) => row?.slice(0, row.findLastIndex(value => value !== null) + 1))
const problemsOf = (rows: readonly TableSourceRow[]) =>
  rows.flatMap(({ line, problem }) => (problem ? [[line, problem.code]] : []))

describe('a table of the dataset', () => {
  test('is read as its columns’ types, whatever their order; unknown is null', async () => {
    const { rows, warnings } = await read('keywords', {
      'keywords.tsv000': `${KEYWORDS}a1\tdog\t98.5\t\tf\na1\tSnow White\t\t7\tt\n`,
    })
    expect(valuesOf(rows)).toEqual([
      ['a1', 'dog', 98.5, null, false],
      ['a1', 'Snow White', null, 7, true],
    ])
    expect(warnings).toEqual([])
    const collections = await read(
      'collections',
      {
        'collections.csv':
          'collection_title,photo_collected_at,photo_id,collection_id\n"Dogs, all",2016-03-15 17:04:25,a1,162470\n',
      },
      'collections.csv',
    )
    expect(valuesOf(collections.rows)).toEqual([['a1', '162470', 'Dogs, all', '2016-03-15 17:04:25']])
    const conversions = await read('conversions', {
      'conversions.tsv000': `${CONVERSIONS}2020-02-28 11:30:36.437\tdownload\tdog\ta1\tuser-1\tNO\n`,
    })
    expect(valuesOf(conversions.rows)).toEqual([['2020-02-28 11:30:36.437', 'download', 'dog', 'a1', 'user-1', 'NO']])
  })

  test('knows the columns of colors by both of their names', async () => {
    const color = ['a1', '2E4F4F', 46, 79, 79, 'darkslategrey', 0.25, 0.5]
    for (const header of [COLORS, COLORS.replace('coverage', 'ai_coverage').replace('score', 'ai_score')]) {
      const { rows, warnings } = await read('colors', {
        'colors.tsv000': `${header}a1\t2e4f4f\t46\t79\t79\tdarkslategrey\t0.25\t0.5\n`,
      })
      expect([valuesOf(rows), warnings]).toEqual([[color], []])
    }
  })

  test('keeps no columns that it has no place for, and says so', async () => {
    const { rows, warnings } = await read('keywords', {
      'keywords.csv000': 'photo_id,keyword,color\na1,dog,red\n',
    })
    expect(valuesOf(rows)).toEqual([['a1', 'dog']])
    expect(warnings).toEqual([
      'Columns that are not kept: color.',
      'Columns that are not in the input stay empty: ai_service_1_confidence, ai_service_2_confidence, suggested_by_user.',
    ])
  })

  test('keeps the columns of release 1.4.0, and misses none of them in older releases', async () => {
    const keywords = await read('keywords', {
      'keywords.csv000': `${KEYWORDS.trim()}\tuser_suggestion_source\tsuggested_by_ai_service_3\tconfirmed_by_ai_service_3\na1\tdog\t\t\tt\tphotographer\tf\tt\n`,
    })
    expect([valuesOf(keywords.rows), keywords.warnings]).toEqual([
      [['a1', 'dog', null, null, true, 'photographer', false, true]],
      [],
    ])
    const collections = await read('collections', {
      'collections.csv000': `${COLLECTIONS.trim()}\tcollection_type\na1\tbo8jQKTaE0Y\tWallpapers\t2020-01-01 10:00:00\ttopic\n`,
    })
    expect([valuesOf(collections.rows), collections.warnings]).toEqual([
      [['a1', 'bo8jQKTaE0Y', 'Wallpapers', '2020-01-01 10:00:00', 'topic']],
      [],
    ])
    const conversions = await read('conversions', {
      'conversions.csv000': `${CONVERSIONS.trim()}\tdevice_type\tsearch_orientation_filter\tsearch_ordering\n2025-03-01 10:00:00.123\tdownload\tdog\ta1\tu1\tUS\tdesktop\tall\trelevant\n`,
    })
    expect([valuesOf(conversions.rows), conversions.warnings]).toEqual([
      [['2025-03-01 10:00:00.123', 'download', 'dog', 'a1', 'u1', 'US', 'desktop', 'all', 'relevant']],
      [],
    ])
  })

  test('is found in a folder, an archive and gzip, its parts in order, the other tables left alone', async () => {
    const files = {
      'photos.tsv000': tsv(numbered(1)),
      'keywords.tsv000': `${KEYWORDS}a1\tfirst\t\t\tf\n`,
      'keywords.tsv001': `${KEYWORDS}a1\tsecond\t\t\tf\n`,
      'keywords.tsv002.gz': gzipSync(`${KEYWORDS}a1\tthird\t\t\tf\n`),
      'colors.tsv000': `${COLORS}a1\t000000\t0\t0\t0\tblack\t\t\n`,
    }
    const expected = ['first', 'second', 'third']
    const keywords = ({ rows }: { rows: TableSourceRow[] }) => rows.map(({ row }) => row?.[1])
    expect(keywords(await read('keywords', files))).toEqual(expected)
    const archive = zipFile(
      Object.entries(files).map(([name, content]) => ({ name: `lite/${name}`, content: Buffer.from(content) })),
    )
    expect(keywords(await read('keywords', { 'lite.zip': archive }, 'lite.zip'))).toEqual(expected)
    expect(keywords(await read('keywords', files, 'keywords.tsv001', 'keywords.tsv000'))).toEqual(['second', 'first'])
  })

  test.each(DATASET_TABLE_NAMES.flatMap(wanted => DATASET_TABLE_NAMES.map(found => ({ wanted, found }))))(
    'read as $wanted, $found is taken for what it is',
    async ({ wanted, found }) => {
      const header = `${Object.keys(DATASET_TABLES[found].columns).join('\t')}\n`
      const reading = read(wanted, { 'x.tsv': header }, 'x.tsv')
      if (wanted === found) expect((await reading).rows).toEqual([])
      else
        await expect(reading).rejects.toMatchObject({
          code: 'INPUT_COLUMNS_MISSING',
          message: expect.stringMatching(
            new RegExp(
              `x\\.tsv: the table ${wanted} expected .*found the header of ${found}\\..* ingest --table ${found}$`,
            ),
          ),
        })
    },
  )

  test('is not taken for photos, nor photos for a table', async () => {
    const folder = await folderWith({ 'a.tsv': `${KEYWORDS}a1\tdog\t\t\tf\n`, 'b.tsv': tsv(numbered(1)) })
    await expect(openInput(join(folder, 'a.tsv'))).rejects.toMatchObject({
      code: 'INPUT_COLUMNS_MISSING',
      message: expect.stringMatching(/the table photos expected .*found the header of keywords.*--table keywords$/),
    })
    await expect(openDatasetTable([join(folder, 'b.tsv')], 'keywords')).rejects.toMatchObject({
      code: 'INPUT_COLUMNS_MISSING',
      message: expect.stringMatching(/found the header of photos\. .*Leave out --table to ingest photos\.$/),
    })
  })

  test.each([
    [
      'no file',
      {},
      'missing.tsv',
      'INPUT_NOT_FOUND',
      /missing\.tsv cannot be found\. Expected one or more of: .*keywords\.tsv000/,
    ],
    ['a folder without the table', { 'photos.tsv000': 'x' }, '', 'INPUT_INVALID', /a folder without keywords\.tsv000/],
    [
      'an archive without the table',
      { 'a.zip': zipFile([{ name: 'photos.tsv000', content: Buffer.from('x') }]) },
      'a.zip',
      'INPUT_INVALID',
      /an archive without keywords\.tsv000, with photos\.tsv000/,
    ],
    ['an empty file', { 'a.tsv': '' }, 'a.tsv', 'INPUT_INVALID', /an empty file/],
    ['UTF-16', { 'a.tsv': Buffer.from(`\uFEFF${KEYWORDS}`, 'utf16le') }, 'a.tsv', 'INPUT_INVALID', /found UTF-16/],
    [
      'rows without a header',
      { 'a.tsv': 'a1\tdog\t\t\tf\n' },
      'a.tsv',
      'INPUT_COLUMNS_MISSING',
      /names of the columns expected, at least photo_id and keyword; found "a1 dog/,
    ],
    [
      'a header without what it needs',
      { 'a.tsv': 'photo_id\tsuggested_by_user\n' },
      'a.tsv',
      'INPUT_COLUMNS_MISSING',
      /photo_id and keyword are needed; keyword not found among photo_id, suggested_by_user/,
    ],
    ['a column twice', { 'a.tsv': 'photo_id\tkeyword\tkeyword\n' }, 'a.tsv', 'INPUT_INVALID', /found keyword twice/],
  ] as const)('refuses %s', async (_, files, name, code, message) => {
    await expect(read('keywords', files, name)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })

  test('costs a bad row only itself, and says which and why', async () => {
    const lines = [
      'a1\tfine\t1\t2\tf', // 2
      '\tno id\t\t\tf',
      '../etc\tbad id\t\t\tf',
      'a\0b\tNUL in the id\t\t\tf', // 5
      'a1\t\t1\t2\tf',
      'a1\t  \t1\t2\tf',
      'a1\ttoo few',
      'a1\ttoo\tmany\t\tf\tfields',
      `a1\t${'x'.repeat(401)}\t\t\tf`, // 10
      `a1\t${'x'.repeat(2_000_000)}\t\t\tf`,
      'a1\t"open quote\t\t\tf',
      'a1\tfine, too\t1\t2\tf',
      'a1\t"after" quote\t\t\tf', // 14
      'a1\tbroken \xff\t\t\tf',
      'a1\tlast\t\t\tt',
    ]
    const { rows } = await read(
      'keywords',
      { 'k.tsv': Buffer.from(`${KEYWORDS}${lines.join('\n')}\n`, 'latin1') },
      'k.tsv',
    )
    expect(problemsOf(rows)).toEqual([
      [3, 'NO_ID'],
      [4, 'BAD_ID'],
      [5, 'BAD_ID'],
      [6, 'NO_KEY'],
      [7, 'NO_KEY'],
      [8, 'WRONG_COLUMN_COUNT'],
      [9, 'WRONG_COLUMN_COUNT'],
      [10, 'VALUE_TOO_LONG'],
      [11, 'ROW_TOO_LONG'],
      [12, 'BAD_QUOTES'],
      [14, 'BAD_QUOTES'],
      [15, 'BROKEN_UTF8'],
    ])
    expect(valuesOf(rows).flatMap(row => (row ? [row[1]] : []))).toEqual(['fine', 'fine, too', 'last'])
  })

  test('leaves out a value that does not fit, unless rows are told apart by it', async () => {
    const { rows } = await read(
      'colors',
      {
        'c.tsv': `${COLORS}a1\tABCDEF\t256\t-1\t1.5\tred\tNaN\t1e999\na1\tred\t1\t1\t1\tred\t\t\na1\t=1+1\t\t\t\t\t\t\n`,
      },
      'c.tsv',
    )
    expect(valuesOf(rows)).toEqual([['a1', 'ABCDEF', null, null, null, 'red'], undefined, undefined])
    expect(rows[0]).toMatchObject({
      warnings: ['red', 'green', 'blue', 'ai_coverage', 'ai_score'].map(column => ({ code: 'BAD_VALUE', column })),
    })
    expect(problemsOf(rows)).toEqual([
      [3, 'BAD_KEY'],
      [4, 'BAD_KEY'],
    ])
    const conversions = await read(
      'conversions',
      {
        'c.tsv': `${CONVERSIONS}yesterday\tdownload\tdog\ta1\tu\tNO\n\tdownload\tdog\ta1\tu\tNO\n`,
      },
      'c.tsv',
    )
    expect(problemsOf(conversions.rows)).toEqual([
      [2, 'BAD_KEY'],
      [3, 'NO_KEY'],
    ])
  })

  test('keeps formulas, markup and SQL as the texts they are, without their NULs', async () => {
    const texts = ['=cmd|/C calc!A0', '@SUM(1)', '<script>alert(1)</script>', "'); drop table photos; --", '\u202Eevil']
    const content = COLLECTIONS + texts.map((text, i) => `a1\t${i}\t${text}\t\n`).join('')
    const { rows } = await read('collections', { 'c.tsv': `${content}a1\t9\tn\0u\0l\t\n` }, 'c.tsv')
    expect(valuesOf(rows).map(row => row?.[2])).toEqual([...texts, 'nul'])
    expect(rows.at(-1)).toMatchObject({ warnings: [{ code: 'NUL_REMOVED', column: 'collection_title' }] })
  })
})
