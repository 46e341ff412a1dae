import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import type { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresTableRepository } from '../../../src/db/ingest/table-repository.js'
import { DATASET_TABLE_NAMES, DATASET_TABLES, type DatasetTableName } from '../../../src/domain/dataset-tables.js'
import { type ColumnType, PHOTO_COLUMNS } from '../../../src/domain/photo.js'
import { openDatasetTable } from '../../../src/producers/input/open-dataset-table.js'
import { openInput } from '../../../src/producers/input/open-input.js'
import { loadTable } from '../../../src/producers/load-table.js'
import { folderWith } from '../../producers/input/tables.js'
import { serverKinds } from '../../support/servers/postgres.js'
import { aPhoto, randomNumbers } from '../factories.js'
import { freshDatabases } from '../fresh-databases.js'

const NEVER = new AbortController().signal

/** Letters of `bytes` bytes each, no two neighbours alike, so that Postgres finds little to compress. */
function letters(length: number, bytes: 1 | 3 | 4 = 3): string {
  const first = { 1: 0x41, 3: 0x4e00, 4: 0x20000 }[bytes]
  const kinds = bytes === 1 ? 26 : 20_000
  return Array.from({ length }, (_, i) => String.fromCodePoint(first + ((i * 7919) % kinds))).join('')
}

const TEXTS = [
  ...[40, 48, 64, 128, 400, 401, 900, 4000].map(length => letters(length)),
  letters(4000, 1),
  'x'.repeat(4000),
  letters(200, 4),
  'a\u0000b',
  '\u0000',
  '\uFFFE\uFFFF\u200B\u202E',
  `${letters(3000, 1)} ${letters(700)}`,
  Array.from({ length: 3000 }, (_, i) => `https://w${i}.example/${letters(3, 4)}-${i}`).join(' '),
  Array.from({ length: 5000 }, (_, i) => `${letters(1, 4)}${i}-${letters(2, 4)}`).join(' '),
  "'); drop table photos; --",
  '\\',
  '{"a",NULL}',
  '',
]
const NUMBERS = [
  ...['0', '-0', '1', '91', '-181', '255', '256', '100.0', '1e2', '1.5', '1e308', '-1.7976931348623157e308', '1e400'],
  ...['5e-324', '2e-310', '1e-400', 'NaN', 'Infinity', '-inf', '0x10', '1_000', '٣', '１', '1,5', '--1', '1e', '+7'],
  ...['2147483647', '2147483648', '-2147483648', '9007199254740991', '9007199254740993', '9223372036854775808'],
]
const TIMES = [
  ...['2020-02-29', '2021-02-29', '0001-01-01 00:00:00', '0000-01-01', '9999-12-31 23:59:59.999999999', '300000-01-01'],
  ...['infinity', '-infinity', 'now', 'epoch', '2020-01-01 24:00:00', '2020-06-30 23:59:60', '2020-01-01+02'],
  ...['2020-01-01 UTC', '2020-01-01Z', '2020-01-01 10:00 +15:59', '2020-01-01T10:00:00-15', '2020-01-01 10:00+16'],
  ...[
    '0044-03-15 BC',
    '2020-01-01 10:00:00.123456789',
    '99999-01-01',
    '2020-1-1',
    '01/02/2020',
    '2020-01-01 10:00 EST',
  ],
]
const BOOLEANS = ['t', 'f', 'yes', 'OFF', '1', '2', 'maybe', 'TRUE ']
const BY_TYPE: Record<ColumnType, readonly string[]> = {
  text: TEXTS,
  timestamp: TIMES,
  boolean: BOOLEANS,
  integer: NUMBERS,
  bigint: NUMBERS,
  number: NUMBERS,
}

/** A table of rows that each take every value of some column, the others at random. */
function everyValue(columns: Readonly<Record<string, ColumnType>>, always: (i: number) => Record<string, string>) {
  const random = randomNumbers(7)
  const pick = (values: readonly string[]) => values[Math.floor((random() + 0.5) * values.length)]!
  const names = Object.keys(columns)
  const lines = [names.join('\t')]
  const row = (changed: string | null, value: string) => {
    const good = always(lines.length)
    // Mostly short, so that not every row is too long for one index or another.
    const longest = random() < 0.4 ? 48 : 1000
    const other = (name: string) => pick(BY_TYPE[columns[name]!].filter(text => text.length <= longest))
    const values = names.map(name => (name === changed ? value : (good[name] ?? other(name))))
    lines.push(values.map(text => `"${text.replaceAll('"', '""')}"`).join('\t'))
  }
  for (const name of names) for (const value of BY_TYPE[columns[name]!]) row(name, value)
  for (let i = 0; i < 300; i++) row(null, '')
  return { content: `${lines.join('\n')}\n`, rows: lines.length - 1 }
}

const KEYS: Record<DatasetTableName, (i: number) => Record<string, string>> = {
  keywords: i => ({ photo_id: `a${i}` }),
  collections: i => ({ photo_id: `a${i}`, collection_id: 'c1' }),
  colors: i => ({ photo_id: `a${i}`, hex: 'a1b2c3' }),
  conversions: i => ({ photo_id: `a${i}`, converted_at: '2020-01-01' }),
}

describe.each(serverKinds())('rows on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let database: Database
    let ingest: PostgresIngestRepository
    const fresh = freshDatabases(start)
    beforeEach(async () => {
      ;({ database, ingest } = await fresh())
    })

    test('no photo that the reader accepts is refused by Postgres', async () => {
      const { content, rows } = everyValue(PHOTO_COLUMNS, i => ({
        photo_id: `a${i}`,
        photo_image_url: `https://images.example/${i}`,
      }))
      const source = await openInput(join(await folderWith({ 'photos.tsv': content }), 'photos.tsv'))
      const photos = []
      let read = 0
      for await (const { photo } of source.rows()) {
        read++
        if (photo) photos.push(photo)
      }
      expect(read).toBe(rows)
      expect(photos.length).toBeGreaterThan(rows / 2)
      for (let i = 0; i < photos.length; i += 256)
        expect(await ingest.upsertPhotos(photos.slice(i, i + 256))).toEqual([])
      expect(await database.query('select count(*) from photos')).toEqual([{ count: photos.length }])
    })

    test.each(DATASET_TABLE_NAMES)('no row of %s that the reader accepts is refused by Postgres', async table => {
      const { content, rows } = everyValue(DATASET_TABLES[table].columns, KEYS[table])
      const source = await openDatasetTable([join(await folderWith({ 't.tsv': content }), 't.tsv')], table)
      const summary = await loadTable(source, new PostgresTableRepository(database), { allPhotos: true, signal: NEVER })
      source.close()
      expect(summary.rows).toBe(rows)
      expect(summary.badRowsByProblem).not.toHaveProperty('REFUSED')
      expect(summary.written + summary.unchanged).toBe(rows - summary.badRows)
      expect(summary.written).toBeGreaterThan(100)
    })

    test('the reader limits every text that an index holds', async () => {
      const indexed = await database.query<{ table: string; column: string }>(`
        select distinct i.indrelid::regclass::text as table, a.attname as column
          from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
         where i.indrelid = any (array['photos', 'photo_keywords', 'photo_collections', 'photo_colors',
                                       'photo_conversions']::regclass[])
           and a.atttypid = 'text'::regtype and a.attname <> 'photo_id'`)
      expect(indexed.length).toBeGreaterThan(10)
      for (const { table, column } of indexed) {
        const name = table.replace('photo_', '') as DatasetTableName | 'photos'
        const values: Record<string, string> =
          name === 'photos' ? { photo_id: 'a1', photo_image_url: 'https://images.example/1' } : KEYS[name](1)
        if (name === 'keywords') values.keyword = 'dog'
        values[column] = letters(4000)
        const content = `${Object.keys(values).join('\t')}\n${Object.values(values).join('\t')}\n`
        const path = join(await folderWith({ 't.tsv': content }), 't.tsv')
        const source = name === 'photos' ? await openInput(path) : await openDatasetTable([path], name)
        for await (const { problem } of source.rows())
          expect([table, column, problem?.code]).toEqual([
            table,
            column,
            column === 'hex' ? 'BAD_KEY' : 'VALUE_TOO_LONG',
          ])
        await source.close()
      }
    })

    test('a photo that Postgres refuses all the same costs only itself', async () => {
      await database.query('create index on photos (photo_description)')
      const photos = Array.from({ length: 20 }, (_, i) =>
        aPhoto(`a${i}`, { photo_description: i % 9 === 4 ? letters(4000) : 'short' }),
      )
      expect(await ingest.upsertPhotos(photos)).toEqual([
        { index: 4, reason: expect.stringContaining('index row') },
        { index: 13, reason: expect.stringContaining('index row') },
      ])
      expect(await database.query('select count(*) from photos')).toEqual([{ count: 18 }])
    })

    test('a row that Postgres refuses all the same is reported with its line', async () => {
      await database.query("alter table photo_keywords add check (keyword <> 'cat')")
      const content = 'photo_id\tkeyword\na1\tdog\na1\tcat\na2\tcow\n'
      const source = await openDatasetTable([join(await folderWith({ 't.tsv': content }), 't.tsv')], 'keywords')
      const summary = await loadTable(source, new PostgresTableRepository(database), { allPhotos: true, signal: NEVER })
      source.close()
      expect(summary).toMatchObject({ rows: 3, badRows: 1, written: 2, unchanged: 0, badRowsByProblem: { REFUSED: 1 } })
      expect(summary.badRowExamples).toEqual([
        { line: 3, part: expect.any(String), problem: { code: 'REFUSED', found: expect.stringContaining('check') } },
      ])
    })
  })
})
