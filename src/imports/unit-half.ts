import { toHalf } from '../domain/half.js'

/** Lengths that count as 1, as in the database: those of unit vectors in half precision are nearer. */
const LEAST_LENGTH = 0.999
const GREATEST_LENGTH = 1.001
/** Below, squares lose digits. */
const LEAST_EXACT_LENGTH = 1e-140

/**
 * Writes a vector as halves of a unit vector. One that has unit length within a thousandth keeps its numbers.
 * @param vector [dimension]
 * @param halves [dimension], receives the bits
 * @returns whether it was scaled; or why it has no direction
 */
export function toUnitHalves(
  vector: ArrayLike<number>,
  halves: Uint16Array,
): 'unit' | 'scaled' | 'NOT_FINITE' | 'ZERO_VECTOR' {
  const length = lengthOf(vector)
  if (!Number.isFinite(length)) return scaledFirst(vector, halves)
  if (length < LEAST_EXACT_LENGTH) return vectorIsZero(vector) ? 'ZERO_VECTOR' : scaledFirst(vector, halves)
  const isUnit = length >= LEAST_LENGTH && length <= GREATEST_LENGTH
  const factor = isUnit ? 1 : 1 / length
  for (let i = 0; i < halves.length; i++) halves[i] = toHalf(vector[i]! * factor)
  return isUnit ? 'unit' : 'scaled'
}

function lengthOf(vector: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < vector.length; i++) sum += vector[i]! * vector[i]!
  return Math.sqrt(sum)
}

/** Squares of very large and very small numbers leave the range of doubles. */
function scaledFirst(vector: ArrayLike<number>, halves: Uint16Array): 'scaled' | 'NOT_FINITE' {
  let largest = 0
  for (let i = 0; i < vector.length; i++) {
    if (!Number.isFinite(vector[i])) return 'NOT_FINITE'
    largest = Math.max(largest, Math.abs(vector[i]!))
  }
  const numbers = Float64Array.from(vector, value => value / largest)
  const length = lengthOf(numbers)
  for (let i = 0; i < halves.length; i++) halves[i] = toHalf(numbers[i]! / length)
  return 'scaled'
}

function vectorIsZero(vector: ArrayLike<number>): boolean {
  for (let i = 0; i < vector.length; i++) if (vector[i] !== 0) return false
  return true
}
