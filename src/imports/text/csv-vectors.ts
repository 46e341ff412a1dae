import { AppError } from '../../domain/errors.js'
import { headOf, type Part } from '../../producers/input/part.js'
import { problemOfCount } from '../../producers/input/photo-row.js'
import { type Delimiter, RecordSplitter, type TableRecord } from '../../producers/input/record-splitter.js'
import { excerpt, type RowProblem } from '../../producers/input/source.js'
import { detectDelimiter } from '../../producers/input/table-reader.js'
import { leftOutColumns, recordColumns } from '../record-columns.js'
import type { VectorInputOptions, VectorRow } from '../vector-source.js'
import { type VectorFields, vectorFields } from './csv-header.js'
import { isShortened, numberOfText, numbersOfText } from './vector-text.js'

/** The apostrophe before what a spreadsheet would take for a formula, as this program writes tables. */
const FORMULA = /^'(?=[=+\-@\t\r\n＝＋－＠])/

/** A table with a header. */
export interface VectorCsv {
  part: Part
  delimiter: Delimiter
  header: string[]
  vector: VectorFields
  /** Columns of the record, each with its field. */
  columns: Map<string, number>
  /** Names of those of which nothing is kept. */
  leftOut: string[]
}

/** @throws AppError INPUT_INVALID, INPUT_COLUMNS_MISSING */
export async function openCsvVectors(part: Part, options: VectorInputOptions): Promise<VectorCsv> {
  const delimiter = detectDelimiter(await headOf(part))
  const header = await headerOf(part, delimiter)
  const vector = vectorFields(part.name, header, options.vectorColumn)
  const names = recordColumns(part.name, header, options.idColumn)
  const ofVector = 'text' in vector ? [vector.text] : vector.numbers
  const others = header.filter((_, field) => !ofVector.includes(field))
  return {
    ...{ part, delimiter, header, vector, leftOut: leftOutColumns(others, names) },
    columns: new Map(names.map(name => [name, header.indexOf(name)])),
  }
}

export async function* readCsvVectors({
  part,
  delimiter,
  header,
  vector: place,
  columns,
}: VectorCsv): AsyncGenerator<VectorRow> {
  let isHeader = true
  for await (const { line, fields, problem } of recordsOf(part, delimiter, header.length)) {
    if (isHeader) {
      isHeader = false
      continue
    }
    const at = { line, part: part.name }
    const bad = problem ?? problemOfCount(fields, header.length)
    const read = bad ? { problem: bad } : vectorOf(fields, place)
    const record = Object.fromEntries([...columns].map(([name, field]) => [name, fields[field]?.replace(FORMULA, '')]))
    yield 'problem' in read ? { ...at, problem: read.problem } : { ...at, vector: read.vector, record }
  }
}

function vectorOf(
  fields: readonly string[],
  place: VectorFields,
): { vector: number[] | null } | { problem: RowProblem } {
  if ('text' in place) {
    const text = fields[place.text]!
    const vector = numbersOfText(text)
    return vector === undefined ? { problem: badVector(text) } : { vector }
  }
  return vectorOfTexts(place.numbers.map(field => fields[field]!.trim()))
}

/** A vector whose numbers are a text each; null: all are empty. */
export function vectorOfTexts(texts: readonly string[]): { vector: number[] | null } | { problem: RowProblem } {
  if (texts.every(text => text === '')) return { vector: null }
  const numbers = texts.map(numberOfText)
  const bad = numbers.indexOf(undefined)
  if (bad < 0) return { vector: numbers as number[] }
  if (texts[bad] === '') return { problem: { code: 'NOT_FINITE', found: `nothing instead of number ${bad + 1}` } }
  return { problem: { code: 'BAD_VECTOR', found: `${excerpt(texts[bad]!, 40)} as number ${bad + 1}` } }
}

/** @param text that is no list of numbers */
export function badVector(text: string): RowProblem {
  const found = isShortened(text)
    ? 'an array that NumPy shortened with … when it printed it'
    : `${excerpt(text, 60)} instead of [0.1, 0.2, …]`
  return { code: 'BAD_VECTOR', found }
}

async function headerOf(part: Part, delimiter: Delimiter): Promise<string[]> {
  for await (const { fields, problem } of recordsOf(part, delimiter)) {
    if (problem) break
    return fields.map(name => name.trim())
  }
  throw new AppError('INPUT_INVALID', `${part.name}: expected a first line with the names of the columns, found none.`)
}

async function* recordsOf(part: Part, delimiter: Delimiter, columns?: number): AsyncGenerator<TableRecord> {
  const splitter = new RecordSplitter(delimiter, columns)
  for await (const chunk of part.bytes()) yield* splitter.push(chunk)
  yield* splitter.end()
}
