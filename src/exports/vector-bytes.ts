import { toHalf } from '../domain/half.js'
import type { Dtype } from './export-format.js'

export const BYTES_PER_NUMBER: Record<Dtype, number> = { float32: 4, float16: 2 }

/** The numbers of vectors, the low byte first, as processors and the formats have them. */
export function vectorBytes(vectors: Float32Array, dtype: Dtype): Uint8Array {
  const numbers = dtype === 'float32' ? vectors : Uint16Array.from(vectors, toHalf)
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
}

/** Text per number, filled on demand: vectors in half precision repeat the same few thousand. */
const TEXTS = new Map<number, string>()
const MOST_TEXTS = 0x10000

/** Nine significant digits represent a 32-bit float exactly. */
export function numberText(value: number): string {
  const known = TEXTS.get(value)
  if (known !== undefined) return known
  const text = String(Number(value.toPrecision(9)))
  if (TEXTS.size < MOST_TEXTS) TEXTS.set(value, text)
  return text
}

/** @param vector [dimension] */
export function vectorText(vector: Float32Array, separator: string): string {
  let text = numberText(vector[0]!)
  for (let i = 1; i < vector.length; i++) text += separator + numberText(vector[i]!)
  return text
}
