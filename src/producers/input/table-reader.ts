import { AppError } from '../../domain/errors.js'
import { LINE_BREAK } from './line-splitter.js'
import { headOf, type Part } from './part.js'
import { type Delimiter, RecordSplitter, type TableRecord } from './record-splitter.js'
import { excerpt } from './source.js'
import { looksLikeAnother, type TableShape } from './table-shapes.js'

/** Columns named in a warning; of more than the most only some. */
const MOST_NAMES = 6
const SOME_NAMES = 3

/** A part with a known format. */
export interface Table<C extends string = string> {
  part: Part
  delimiter: Delimiter
  /** Column of each field; undefined for columns that the table does not have. */
  header: readonly (C | undefined)[]
  /** Whether the first record names the columns. */
  hasHeader: boolean
}

/**
 * Inspects the start of every part before any row is used.
 * @returns the tables, and warnings about their columns
 * @throws AppError INPUT_COLUMNS_MISSING, INPUT_INVALID
 */
export async function openTables<C extends string>(
  parts: readonly Part[],
  shape: TableShape<C>,
): Promise<{ tables: Table<C>[]; warnings: string[] }> {
  const tables: Table<C>[] = []
  const ignored = new Set<string>()
  const missing = new Set<string>()
  for (const part of parts) {
    const { table, names } = await openTable(part, shape, tables.at(-1))
    tables.push(table)
    for (const name of names) if (shape.columnOf(name) === undefined) ignored.add(name)
    if (names.length > 0)
      for (const column of shape.columns)
        if (!table.header.includes(column) && !shape.optional.includes(column)) missing.add(column)
  }
  const warnings: string[] = []
  if (ignored.size > 0) warnings.push(`Columns that are not kept: ${[...ignored].join(', ')}.`)
  if (missing.size > 0) warnings.push(`Columns that are not in the input stay empty: ${shortList([...missing])}.`)
  return { tables, warnings }
}

/** All of a few names, else the first ones and the number of the others. */
function shortList(names: readonly string[]): string {
  return names.length <= MOST_NAMES
    ? names.join(', ')
    : `${names.slice(0, SOME_NAMES).join(', ')} and ${names.length - SOME_NAMES} more`
}

async function openTable<C extends string>(
  part: Part,
  shape: TableShape<C>,
  previous: Table<C> | undefined,
): Promise<{ table: Table<C>; names: string[] }> {
  const head = await headOf(part)
  if (head.length === 0 && previous) return { table: { ...previous, part, hasHeader: false }, names: [] }
  const delimiter = detectDelimiter(head, previous?.delimiter)
  const first = firstRecord(head, delimiter)
  const names = headerNames(first)
  if (isHeader(names, shape)) {
    checkColumns(part, names, delimiter, shape)
    return { table: { part, delimiter, header: names.map(name => shape.columnOf(name)), hasHeader: true }, names }
  }
  if (previous === undefined) throw headerMissing(part, first, shape)
  // A part without a header continues the one before, unless its rows have another width: then they are the dataset's
  // own.
  const own = first.fields.length !== previous.header.length && first.fields.length === shape.columns.length
  return { table: { part, delimiter, header: own ? shape.columns : previous.header, hasHeader: false }, names: [] }
}

/** The records of one part without its header. */
export async function* readRecords({ part, delimiter, header, hasHeader }: Table): AsyncGenerator<TableRecord> {
  const splitter = new RecordSplitter(delimiter, header.length)
  let skip = hasHeader ? 1 : 0
  for await (const chunk of part.bytes())
    for (const record of splitter.push(chunk))
      if (skip > 0) skip--
      else yield record
  for (const record of splitter.end())
    if (skip > 0) skip--
    else yield record
}

/**
 * Detects the delimiter by content: Unsplash's releases 1.3.0 and 1.4.0 hold tab-separated `photos.csv000`.
 * @param fallback for a first line with neither
 */
export function detectDelimiter(head: Buffer, fallback: Delimiter = ','): Delimiter {
  const [line = ''] = head
    .toString('latin1')
    .replaceAll(/"[^"]*"/g, '')
    .split(LINE_BREAK, 1)
  const tabs = line.split('\t').length
  const commas = line.split(',').length
  return tabs === commas ? fallback : tabs > commas ? '\t' : ','
}

/** Whether a file starts like a table of this shape. */
export function looksLikeTable(head: Buffer, shape: TableShape): boolean {
  return isHeader(headerNames(firstRecord(head, detectDelimiter(head))), shape)
}

function firstRecord(head: Buffer, delimiter: Delimiter): TableRecord {
  const splitter = new RecordSplitter(delimiter)
  for (const record of splitter.push(head)) return record
  for (const record of splitter.end()) return record
  return { line: 1, fields: [] }
}

function headerNames({ fields }: TableRecord): string[] {
  return fields.map(name => name.trim().toLowerCase())
}

function isHeader(names: readonly string[], shape: TableShape): boolean {
  return names.includes('photo_id') || names.filter(name => shape.columnOf(name) !== undefined).length >= 2
}

function checkColumns(part: Part, names: readonly string[], delimiter: Delimiter, shape: TableShape): void {
  const other = looksLikeAnother(names, shape)
  if (other) throw wrongTable(part, shape, other)
  const columns = names.map(name => shape.columnOf(name))
  const missing = shape.required.filter(column => !columns.includes(column))
  const separator = delimiter === '\t' ? 'tabs' : 'commas'
  if (missing.length > 0)
    throw new AppError(
      'INPUT_COLUMNS_MISSING',
      `${part.name}: the columns ${shape.required.join(' and ')} are needed; ${missing.join(' and ')} not found among ${excerptOf(names)} (separated by ${separator}). Nothing was taken from it.`,
    )
  const twice = columns.find((column, i) => column !== undefined && columns.indexOf(column) !== i)
  if (twice !== undefined)
    throw new AppError('INPUT_INVALID', `${part.name}: every column once expected, found ${twice} twice. Rename one.`)
}

function excerptOf(names: readonly string[]): string {
  const line = names.join(', ')
  return line.length > 1000 ? `${line.slice(0, 1000)}…` : line
}

function wrongTable(part: Part, wanted: TableShape, found: TableShape): AppError {
  const advice =
    found.name === 'photos' ? 'Leave out --table to ingest photos.' : `Load it with: ingest --table ${found.name}`
  return new AppError(
    'INPUT_COLUMNS_MISSING',
    `${part.name}: the table ${wanted.name} expected (${wanted.columns.slice(0, 5).join(', ')}${wanted.columns.length > 5 ? ', …' : ''}), found the header of ${found.name}. Nothing was taken from it. ${advice}`,
  )
}

function headerMissing(part: Part, first: TableRecord, shape: TableShape): AppError {
  if (first.problem)
    return new AppError(
      'INPUT_INVALID',
      `${part.name}: a header line expected, found ${first.problem.code} (${first.problem.found}). Is it the right file?`,
    )
  const found = first.fields.length === 0 ? 'nothing' : excerpt(first.fields.join(' '), 120)
  return new AppError(
    'INPUT_COLUMNS_MISSING',
    `${part.name}: a first line with the names of the columns expected, at least ${shape.required.join(' and ')}; found ${found}. Nothing was taken from it.`,
  )
}
