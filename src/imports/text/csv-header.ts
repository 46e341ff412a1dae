import { AppError } from '../../domain/errors.js'
import { VECTOR_NAMES, vectorColumnOf } from '../vector-columns.js'

/** Fewer numbered columns may be something else, such as `address_1`, `address_2`. */
const LEAST_COLUMNS = 8

/** Where the vector of a row lies: in one field as a text, or in a field per number, in the order of the numbers. */
export type VectorFields = { text: number } | { numbers: number[] }

/**
 * Finds the vector in the header of a table.
 * @param wanted name of one column, or what the names of numbered columns have before the number
 * @throws AppError INPUT_COLUMNS_MISSING
 */
export function vectorFields(name: string, header: readonly string[], wanted: string | undefined): VectorFields {
  const texts = header.filter(column => VECTOR_NAMES.includes(column.toLowerCase()) || column === wanted)
  const text = vectorColumnOf(texts, wanted)
  if (text !== undefined) return { text: header.indexOf(text) }
  const groups = [...numberedColumns(header)].filter(([prefix, fields]) =>
    wanted === undefined ? fields.length >= LEAST_COLUMNS : prefix === wanted,
  )
  const [group, another] = groups
  if (group !== undefined && another === undefined) return { numbers: group[1] }
  const found = another
    ? `several numbered columns (${groups.map(([prefix]) => `${prefix}0 …`).join(', ')}). Name one with --vector-column`
    : header.slice(0, 30).join(', ')
  throw new AppError(
    'INPUT_COLUMNS_MISSING',
    `${name}: expected a column ${wanted ?? 'embedding'} with the vector as [0.1, 0.2, …], or a column per number (${wanted ?? 'embedding_'}0, ${wanted ?? 'embedding_'}1, …), found ${found}.`,
  )
}

/** The fields of columns that are numbered from 0 or 1 without gaps, by what their names have before the number. */
function numberedColumns(header: readonly string[]): Map<string, number[]> {
  const byPrefix = new Map<string, Map<number, number>>()
  for (const [field, column] of header.entries()) {
    const [, prefix, digits] = /^(.*?)(\d{1,5})$/.exec(column) ?? []
    if (digits === undefined) continue
    const fields = byPrefix.get(prefix!) ?? new Map<number, number>()
    byPrefix.set(prefix!, fields.set(Number(digits), field))
  }
  const groups = new Map<string, number[]>()
  for (const [prefix, fields] of byPrefix) {
    const first = fields.has(0) ? 0 : 1
    const numbers = Array.from({ length: fields.size }, (_, i) => fields.get(first + i))
    if (!numbers.includes(undefined)) groups.set(prefix, numbers as number[])
  }
  return groups
}
