import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_LINE_BYTES } from '../../../src/producers/input/line-splitter.js'
import { type Delimiter, RecordSplitter, type TableRecord } from '../../../src/producers/input/record-splitter.js'

function split(content: string | Buffer, delimiter: Delimiter, chunkBytes = 1 << 16, columns?: number): TableRecord[] {
  const bytes = Buffer.from(content)
  const splitter = new RecordSplitter(delimiter, columns)
  const records: TableRecord[] = []
  for (let i = 0; i < bytes.length; i += chunkBytes) records.push(...splitter.push(bytes.subarray(i, i + chunkBytes)))
  return [...records, ...splitter.end()]
}

const fields = (records: TableRecord[]) => records.map(record => record.fields)

/** As RFC 4180 has it: quotes where they are needed, and where the writer likes. */
function write(table: string[][], delimiter: Delimiter, lineEnd: string, alwaysQuote: boolean): string {
  const cell = (value: string) => (alwaysQuote || /["\r\n\t,]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value)
  return table.map(row => row.map(cell).join(delimiter)).join(lineEnd) + lineEnd
}

const cell = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'é', '"', ',', '\t', '\n', '\r', '\r\n', ' ', '漢', '🌲'), maxLength: 8 }),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
)
const table = fc
  .integer({ min: 2, max: 5 })
  .chain(width => fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 12 }))

describe('RecordSplitter', () => {
  for (const delimiter of ['\t', ','] as const)
    test(`reads back whatever was written with ${delimiter === '\t' ? 'tabs' : 'commas'}, however it is cut`, () => {
      fc.assert(
        fc.property(
          table,
          fc.constantFrom('\n', '\r\n'),
          fc.boolean(),
          fc.integer({ min: 1, max: 40 }),
          (rows, lineEnd, alwaysQuote, chunkBytes) => {
            // The byte order mark is no text at the start of a file.
            fc.pre(!rows[0]![0]!.startsWith('\uFEFF'))
            const records = split(write(rows, delimiter, lineEnd, alwaysQuote), delimiter, chunkBytes, rows[0]!.length)
            expect(fields(records)).toEqual(rows)
          },
        ),
        { numRuns: 300 },
      )
    })

  test('agrees with csv-parse', () => {
    fc.assert(
      fc.property(table, fc.constantFrom('\n', '\r\n'), fc.boolean(), (rows, lineEnd, alwaysQuote) => {
        fc.pre(!rows[0]![0]!.startsWith('\uFEFF'))
        const content = write(rows, '\t', lineEnd, alwaysQuote)
        const expected = parse(content, { delimiter: '\t', record_delimiter: lineEnd, relax_column_count: true })
        expect(fields(split(content, '\t'))).toEqual(expected)
      }),
      { numRuns: 200 },
    )
  })

  test('never fails, never loses a line and never grows beyond its bounds, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('"', '\t', '\n', 'a', '""', '\r\n', '\xff'), { maxLength: 200 }),
        fc.integer({ min: 1, max: 50 }),
        (pieces, chunkBytes) => {
          const records = split(Buffer.from(pieces.join(''), 'latin1'), '\t', chunkBytes, 3)
          const lines = records.map(record => record.line)
          expect(lines).toEqual([...new Set(lines)].sort((a, b) => a - b))
          for (const record of records) expect(record.fields.length > 0).toBe(record.problem === undefined)
        },
      ),
    )
  })

  test('numbers records by the line they start on, line breaks in quotes counted', () => {
    const records = split('a\tb\n"x\ny\nz"\tc\n\nd\te\n', '\t')
    expect(records.map(record => [record.line, record.fields])).toEqual([
      [1, ['a', 'b']],
      [2, ['x\ny\nz', 'c']],
      [6, ['d', 'e']],
    ])
  })

  test('takes a quote within a field for text', () => {
    expect(fields(split('5" lens\tb\n', '\t'))).toEqual([['5" lens', 'b']])
  })

  test('takes a line of delimiters for a row of empty fields, and a blank one for none', () => {
    expect(fields(split('\t\t\n \n', '\t'))).toEqual([['', '', '']])
  })

  test('drops the byte order mark, also before a quote', () => {
    expect(fields(split('\uFEFF"a"\tb\n', '\t', 1))).toEqual([['a', 'b']])
  })

  test('loses only the line of a quote that is never closed', () => {
    const rows = Array.from({ length: 500 }, (_, i) => `row${i}\tx`)
    rows[3] = 'row3\t"never closed'
    const records = split(`${rows.join('\n')}\n`, '\t', 64, 2)
    expect(records.filter(record => record.problem).map(record => [record.line, record.problem?.code])).toEqual([
      [4, 'BAD_QUOTES'],
    ])
    expect(records).toHaveLength(500)
  })

  test('loses only the line of a quote that a later quoted field seems to close', () => {
    const records = split('a\t"open\nb\t"quoted"\nc\t5" lens\t\nd\tx\n', '\t', 64, 2)
    expect(records.map(record => record.problem?.code ?? record.fields[0])).toEqual(['BAD_QUOTES', 'b', 'c', 'd'])
  })

  test('does not glue two rows together when the quotes happen to fit', () => {
    const records = split('a\t"open\nb"\tx\nc\ty\n', '\t', 64, 2)
    expect(records.map(record => record.problem?.code ?? record.fields[0])).toEqual(['BAD_QUOTES', 'b"', 'c'])
  })

  test('gives up on an open quote after a bounded number of bytes', () => {
    const line = `${'x'.repeat(1000)}\ty\n`
    const content = `a\t"open\n${line.repeat(2 + MAX_LINE_BYTES / 1000)}`
    const splitter = new RecordSplitter('\t', 2)
    const records = [...splitter.push(Buffer.from(content))]
    expect(records[0]?.problem?.code).toBe('BAD_QUOTES')
    expect(records.slice(1).every(record => record.fields.length === 2)).toBe(true)
  })

  test('reports a line that is too long, once, and goes on after it', () => {
    const content = `a\tb\n${'x'.repeat(3 * MAX_LINE_BYTES)}\nc\td\n`
    const records = split(content, '\t')
    expect(records.map(record => [record.line, record.problem?.code])).toEqual([
      [1, undefined],
      [2, 'ROW_TOO_LONG'],
      [3, undefined],
    ])
  })
})
