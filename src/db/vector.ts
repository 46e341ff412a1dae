import { fromSql, toSql } from 'pgvector'

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
