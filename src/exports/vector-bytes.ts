import { toHalf } from '../domain/half.js'
import type { Dtype } from './export-format.js'

export const BYTES_PER_NUMBER: Record<Dtype, number> = { float32: 4, float16: 2 }

/** The numbers of vectors, the low byte first, as processors and the formats have them. */
export function vectorBytes(vectors: Float32Array, dtype: Dtype): Uint8Array {
  const numbers = dtype === 'float32' ? vectors : halvesOf(vectors)
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
}

/** Exponents of halves that are no subnormal numbers, as a float has them; and the difference of the two forms. */
const [LEAST_EXPONENT, MOST_EXPONENT] = [113, 142]
const EXPONENT_SHIFT = (127 - 15) << 10

/** The bits of the nearest halves. Stored vectors are halves already, for which it is a change of form. */
function halvesOf(vectors: Float32Array): Uint16Array {
  const floats = new Uint32Array(vectors.buffer, vectors.byteOffset, vectors.length)
  const halves = new Uint16Array(vectors.length)
  for (let i = 0; i < halves.length; i++) {
    const bits = floats[i]!
    const exponent = (bits >>> 23) & 0xff
    const isHalf = exponent >= LEAST_EXPONENT && exponent <= MOST_EXPONENT && (bits & 0x1fff) === 0
    halves[i] = isHalf
      ? ((bits >>> 16) & 0x8000) | (((bits & 0x7fffffff) >>> 13) - EXPONENT_SHIFT)
      : toHalf(vectors[i]!)
  }
  return halves
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
