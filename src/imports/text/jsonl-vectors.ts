import { readLines } from '../../producers/input/line-splitter.js'
import type { Part } from '../../producers/input/part.js'
import { excerpt, type RowProblem } from '../../producers/input/source.js'
import { leftOutOf } from '../record-columns.js'
import { vectorColumnOf } from '../vector-columns.js'
import type { VectorInputOptions, VectorRow } from '../vector-source.js'
import { badVector } from './csv-vectors.js'
import { numbersOfText } from './vector-text.js'

/** Python writes these words, which JSON does not have. Inside of a text they would break it, and the line counts as bad. */
const PYTHON_WORDS = /(?<=[[,:\s])(?:-?Infinity|NaN)(?=[\],}\s])/g

/**
 * One row per line: an object with a list of numbers. Skips empty lines.
 * @param leftOut receives the names of the first object's fields of which nothing is kept
 */
export async function* readJsonLinesVectors(
  part: Part,
  { vectorColumn, idColumn }: Pick<VectorInputOptions, 'vectorColumn' | 'idColumn'>,
  leftOut: string[] = [],
): AsyncGenerator<VectorRow> {
  let isFirst = true
  for await (const { number: line, text, damage } of readLines(part.bytes())) {
    if (text.trim() === '') continue
    const place = { line, part: part.name }
    const record = damage ? undefined : objectOf(text)
    if (record && isFirst) {
      isFirst = false
      leftOut.push(...leftOutOf(withoutVector(record, vectorColumn), idColumn))
    }
    const read = record
      ? vectorOf(record, vectorColumn)
      : { problem: { code: damage ?? 'BAD_JSON', found: excerpt(text) } as const }
    yield 'problem' in read ? { ...place, problem: read.problem } : { ...place, vector: read.vector, record: record! }
  }
}

function fieldOf(record: Readonly<Record<string, unknown>>, wanted: string | undefined): string | undefined {
  const lists = Object.keys(record).filter(name => Array.isArray(record[name]))
  return vectorColumnOf(lists, wanted) ?? vectorColumnOf(Object.keys(record), wanted ?? 'embedding')
}

function withoutVector(record: Readonly<Record<string, unknown>>, wanted: string | undefined) {
  const name = fieldOf(record, wanted)
  return Object.fromEntries(Object.entries(record).filter(([field]) => field !== name))
}

function vectorOf(
  record: Readonly<Record<string, unknown>>,
  wanted: string | undefined,
): { vector: number[] | null } | { problem: RowProblem } {
  const name = fieldOf(record, wanted)
  const value = name === undefined ? null : record[name]
  if (value === null) return { vector: null }
  if (typeof value === 'string') {
    const vector = numbersOfText(value)
    return vector === undefined ? { problem: badVector(value) } : { vector }
  }
  const numbers = Array.isArray(value) ? value.map(numberOf) : undefined
  if (numbers === undefined || numbers.includes(undefined))
    return { problem: { code: 'BAD_VECTOR', found: `${excerpt(JSON.stringify(value), 60)} as ${name}` } }
  return { vector: numbers as number[] }
}

/** Null stands for NaN, which JSON does not have. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  if (value === null || value === 'NaN') return Number.NaN
  return value === 'Infinity' || value === '-Infinity' ? Number.POSITIVE_INFINITY : undefined
}

function objectOf(text: string): Record<string, unknown> | undefined {
  for (const json of [text, text.replace(PYTHON_WORDS, '"$&"')]) {
    try {
      const value: unknown = JSON.parse(json)
      return value !== null && typeof value === 'object' && !Array.isArray(value)
        ? (value as Record<string, unknown>)
        : undefined
    } catch {
      // The second form is tried.
    }
  }
  return undefined
}
