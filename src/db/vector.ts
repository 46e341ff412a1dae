import { fromSql, toSql } from 'pgvector'
import { fromHalf, toHalf } from '../domain/half.js'

/**
 * pgvector's text form of a vector. Nine significant digits carry a 32-bit float without loss; printing the same float as
 * a double would take twice the bytes.
 * @param vector [dimension]
 */
export function toVectorText(vector: Float32Array): string {
  return toSql(Array.from(vector, value => Number(value.toPrecision(9))))
}

/** Reads pgvector's text form of a `vector` or a `halfvec`. @returns [dimension] */
export function fromVectorText(text: string): Float32Array {
  return Float32Array.from(fromSql(text))
}

/** Of each half by its bits, once it was needed: embeddings have the same few thousand numbers again and again. */
const HALVES: string[] = []

/**
 * pgvector's text form of a `halfvec`: what it makes of {@link toVectorText}, rounded already. Five significant digits tell
 * every half from its neighbours. A quarter of the time, and two thirds of the bytes.
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
