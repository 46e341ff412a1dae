import { fromSql, toSql } from 'pgvector'
import { fromHalf, toHalf } from '../domain/half.js'

/**
 * Returns pgvector's text form of a vector. Nine significant digits represent a 32-bit float exactly; a double's digits
 * would take twice the bytes.
 * @param vector [dimension]
 */
export function toVectorText(vector: Float32Array): string {
  return toSql(Array.from(vector, value => Number(value.toPrecision(9))))
}

/** Parses pgvector's text form of a `vector` or a `halfvec`. @returns [dimension] */
export function fromVectorText(text: string): Float32Array {
  return Float32Array.from(fromSql(text))
}

/** Text per half, by its bits, filled on demand: embeddings repeat the same few thousand numbers. */
const HALVES: string[] = []

/**
 * Returns pgvector's text form of a `halfvec`, with the values already rounded. Five significant digits distinguish
 * every half from its neighbours. Takes a quarter of the time and two thirds of the bytes of {@link toVectorText}.
 * @param vector [dimension], within ±65504
 */
export function toHalfvecText(vector: Float32Array): string {
  let text = ''
  for (const value of vector) {
    const bits = toHalf(value)
    HALVES[bits] ??= `${Number(fromHalf(bits).toPrecision(5))}`
    text += text === '' ? HALVES[bits] : `,${HALVES[bits]}`
  }
  return `[${text}]`
}

/** Number per half, by its bits. */
let numbers: Float32Array | undefined

/**
 * Reads what `halfvec_send` returns: the dimension and two unused bytes, then the halves, all of them 16-bit integers,
 * the high byte first.
 * @param sent one or more vectors of one dimension
 * @returns vectors: [sent.length, dimension]
 */
export function readHalfvecs(sent: readonly Buffer[]): { vectors: Float32Array; dimension: number } {
  numbers ??= Float32Array.from({ length: 0x10000 }, (_, bits) => fromHalf(bits))
  const dimension = sent[0]!.readUInt16BE(0)
  const vectors = new Float32Array(sent.length * dimension)
  let place = 0
  for (const bytes of sent)
    for (let at = 4, end = 4 + 2 * dimension; at < end; at += 2)
      vectors[place++] = numbers[(bytes[at]! << 8) | bytes[at + 1]!]!
  return { vectors, dimension }
}
