import { AppError } from '../domain/errors.js'
import type { PhotoColumn } from '../domain/photo.js'
import { headOf, type Part } from './part.js'
import { DATASET_HEADER, type Header, isPhotoColumn, readPhoto } from './photo-row.js'
import { type Delimiter, RecordSplitter, type TableRecord } from './record-splitter.js'
import { excerpt, type SourceRow } from './source.js'

const REQUIRED = ['photo_id', 'photo_image_url'] as const satisfies PhotoColumn[]

/** A part of which the format is known. */
export interface Table {
  part: Part
  delimiter: Delimiter
  header: Header
  /** Whether the first record names the columns. */
  hasHeader: boolean
}

/**
 * Looks at the start of every part, before any row is used.
 * @returns the tables, and what is odd about their columns
 * @throws AppError INPUT_COLUMNS_MISSING, INPUT_INVALID
 */
export async function openTables(parts: readonly Part[]): Promise<{ tables: Table[]; warnings: string[] }> {
  const tables: Table[] = []
  const ignored = new Set<string>()
  const missing = new Set<string>()
  for (const part of parts) {
    const { table, names } = await openTable(part, tables.at(-1))
    tables.push(table)
    for (const name of names) if (!isPhotoColumn(name)) ignored.add(name)
    if (names.length > 0) for (const name of DATASET_HEADER) if (!names.includes(name)) missing.add(name)
  }
  const warnings: string[] = []
  if (ignored.size > 0) warnings.push(`Columns that the dataset does not have are ignored: ${[...ignored].join(', ')}.`)
  if (missing.size > 0) warnings.push(`Columns that are not in the input stay empty: ${[...missing].join(', ')}.`)
  return { tables, warnings }
}

async function openTable(part: Part, previous: Table | undefined): Promise<{ table: Table; names: string[] }> {
  const head = await headOf(part)
  if (head.length === 0 && previous) return { table: { ...previous, part, hasHeader: false }, names: [] }
  const delimiter = detectDelimiter(head, previous?.delimiter)
  const first = firstRecord(head, delimiter)
  const names = first.fields.map(name => name.trim().toLowerCase())
  if (isHeader(names)) {
    checkColumns(part, names, delimiter)
    const header = names.map(name => (isPhotoColumn(name) ? name : undefined))
    return { table: { part, delimiter, header, hasHeader: true }, names }
  }
  if (previous === undefined) throw headerMissing(part, first)
  // A part without a header continues the one before; where its rows are wider or narrower, they are the dataset's own.
  const own = first.fields.length !== previous.header.length && first.fields.length === DATASET_HEADER.length
  return { table: { part, delimiter, header: own ? DATASET_HEADER : previous.header, hasHeader: false }, names: [] }
}

/** The rows of one part. */
export async function* readTable({ part, delimiter, header, hasHeader }: Table): AsyncGenerator<SourceRow> {
  const splitter = new RecordSplitter(delimiter, header.length)
  let skip = hasHeader ? 1 : 0
  for await (const chunk of part.bytes())
    for (const record of splitter.push(chunk))
      if (skip > 0) skip--
      else yield toRow(record, part.name, header)
  for (const record of splitter.end())
    if (skip > 0) skip--
    else yield toRow(record, part.name, header)
}

function toRow({ line, fields, problem }: TableRecord, part: string, header: Header): SourceRow {
  return problem ? { line, part, problem } : { line, part, ...readPhoto(fields, header) }
}

/**
 * By content, not by name: Unsplash's releases 1.3.0 and 1.4.0 hold tab-separated `photos.csv000`.
 * @param fallback for a first line with neither
 */
export function detectDelimiter(head: Buffer, fallback: Delimiter = ','): Delimiter {
  const end = head.indexOf('\n')
  const line = head.toString('latin1', 0, end < 0 ? head.length : end).replaceAll(/"[^"]*"/g, '')
  const tabs = line.split('\t').length
  const commas = line.split(',').length
  return tabs === commas ? fallback : tabs > commas ? '\t' : ','
}

/** Whether the start of a file is that of a table of photos. */
export function looksLikeTable(head: Buffer): boolean {
  return isHeader(firstRecord(head, detectDelimiter(head)).fields.map(name => name.trim().toLowerCase()))
}

function firstRecord(head: Buffer, delimiter: Delimiter): TableRecord {
  const splitter = new RecordSplitter(delimiter)
  for (const record of splitter.push(head)) return record
  for (const record of splitter.end()) return record
  return { line: 1, fields: [] }
}

function isHeader(names: readonly string[]): boolean {
  return names.includes('photo_id') || names.filter(isPhotoColumn).length >= 2
}

function checkColumns(part: Part, names: readonly string[], delimiter: Delimiter): void {
  const missing = REQUIRED.filter(name => !names.includes(name))
  const separator = delimiter === '\t' ? 'tabs' : 'commas'
  if (missing.length > 0)
    throw new AppError(
      'INPUT_COLUMNS_MISSING',
      `${part.name}: the columns ${REQUIRED.join(' and ')} are needed; ${missing.join(' and ')} not found among ${names.join(', ')} (separated by ${separator}). Nothing was enqueued.`,
    )
  const twice = names.find((name, i) => isPhotoColumn(name) && names.indexOf(name) !== i)
  if (twice !== undefined)
    throw new AppError('INPUT_INVALID', `${part.name}: every column once expected, found ${twice} twice. Rename one.`)
}

function headerMissing(part: Part, first: TableRecord): AppError {
  if (first.problem)
    return new AppError(
      'INPUT_INVALID',
      `${part.name}: a header line expected, found ${first.problem.code} (${first.problem.found}). Is it the right file?`,
    )
  const found = first.fields.length === 0 ? 'nothing' : excerpt(first.fields.join(' '), 120)
  return new AppError(
    'INPUT_COLUMNS_MISSING',
    `${part.name}: a first line with the names of the columns expected, at least ${REQUIRED.join(' and ')}; found ${found}. Nothing was enqueued.`,
  )
}
