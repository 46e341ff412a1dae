import { AppError } from '../domain/errors.js'
import { decompressed, filePart, headOf, type Part } from '../producers/input/part.js'
import { problemOfCount, problemOfId } from '../producers/input/photo-row.js'
import { type Delimiter, RecordSplitter, type TableRecord } from '../producers/input/record-splitter.js'
import { excerpt, type RowProblem } from '../producers/input/source.js'
import { detectDelimiter } from '../producers/input/table-reader.js'

/** Names of the columns, the first one found counts. */
const QUERY_NAMES = ['query', 'keyword', 'text']
const PHOTO_NAMES = ['photo_id', 'photo', 'id']
const GRADE_NAMES = ['grade', 'relevance', 'rel']
/** Some 100 bytes of memory each. */
const MOST_JUDGEMENTS = 5_000_000
/** A leading apostrophe before what a spreadsheet would take for a formula, as this program writes tables. */
const FORMULA = /^'(?=[=+\-@\t\r\n＝＋－＠])/

/** Judgements of a file. */
export interface JudgedFile {
  /** Grades above 0 by photo, by query. A query without a relevant photo has an empty map. */
  judged: Map<string, Map<string, number>>
  badRows: number
  /** The first bad row, for people; null: there is none. */
  firstBad: string | null
}

/**
 * Reads a CSV or TSV file, also as .gz, with the columns `query`, `photo_id` and optionally `grade`: a number, of which
 * only those above 0 make a photo relevant. Bad rows are left out and counted; of a pair that comes twice the higher
 * grade counts.
 * @throws AppError INPUT_NOT_FOUND, INPUT_INVALID, INPUT_COLUMNS_MISSING
 */
export async function readJudgedFile(path: string, signal: AbortSignal): Promise<JudgedFile> {
  const part = await decompressed(filePart(path))
  const delimiter = detectDelimiter(await headOf(part))
  const found: JudgedFile = { judged: new Map(), badRows: 0, firstBad: null }
  let columns: Columns | undefined
  let judgements = 0
  for await (const { line, fields, problem } of recordsOf(part, delimiter)) {
    signal.throwIfAborted()
    if (columns === undefined) {
      columns = columnsOf(path, problem ? [] : fields)
      continue
    }
    const row = problem ? { problem } : judgementOf(fields, columns)
    if ('problem' in row) {
      found.badRows++
      found.firstBad ??= `line ${line}: ${row.problem.code}: ${row.problem.found}`
      continue
    }
    const photos = found.judged.get(row.query) ?? new Map<string, number>()
    found.judged.set(row.query, photos)
    if (row.grade <= 0) continue
    if (!photos.has(row.photo) && ++judgements > MOST_JUDGEMENTS)
      throw new AppError(
        'INPUT_INVALID',
        `${path}: expected at most ${MOST_JUDGEMENTS} judgements, found more. Split the queries into several files.`,
      )
    photos.set(row.photo, Math.max(row.grade, photos.get(row.photo) ?? 0))
  }
  if (columns === undefined) throw columnsMissing(path, [])
  return found
}

interface Columns {
  count: number
  query: number
  photo: number
  /** -1: there is none. */
  grade: number
}

function columnsOf(path: string, header: readonly string[]): Columns {
  const names = header.map(name => name.trim().toLowerCase())
  const find = (wanted: readonly string[]) => names.indexOf(wanted.find(name => names.includes(name)) ?? '')
  const columns = { count: header.length, query: find(QUERY_NAMES), photo: find(PHOTO_NAMES), grade: find(GRADE_NAMES) }
  if (columns.query < 0 || columns.photo < 0) throw columnsMissing(path, header)
  return columns
}

function columnsMissing(path: string, header: readonly string[]): AppError {
  return new AppError(
    'INPUT_COLUMNS_MISSING',
    `${path}: expected a first line with the columns query and photo_id, and optionally grade, separated by commas or tabs, found ${header.length === 0 ? 'none' : excerpt(header.join(', '), 200)}.`,
  )
}

type Judgement = { query: string; photo: string; grade: number }

function judgementOf(fields: readonly string[], columns: Columns): Judgement | { problem: RowProblem } {
  const miscount = problemOfCount(fields, columns.count)
  if (miscount) return { problem: miscount }
  const text = (field: number) => fields[field]!.replace(FORMULA, '').replace(/\s+/g, ' ').trim()
  const query = text(columns.query)
  const photo = text(columns.photo)
  if (query === '') return { problem: { code: 'NO_KEY', found: 'an empty query' } }
  const badId = problemOfId(photo)
  if (badId) return { problem: badId }
  const written = columns.grade < 0 ? '1' : text(columns.grade)
  if (!/^-?\d+(\.\d+)?$/.test(written)) return { problem: { code: 'BAD_KEY', found: `the grade ${excerpt(written)}` } }
  return { query, photo, grade: Number(written) }
}

async function* recordsOf(part: Part, delimiter: Delimiter): AsyncGenerator<TableRecord> {
  const splitter = new RecordSplitter(delimiter)
  for await (const chunk of part.bytes()) yield* splitter.push(chunk)
  yield* splitter.end()
}
