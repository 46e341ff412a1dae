import { randomFrom } from '../random.js'
import { tridiagonalEigen } from './tridiagonal-eigen.js'

/** The largest eigenvalues of a symmetric matrix, falling, with their vectors of unit length. */
export interface Eigen {
  /** [count] */
  values: Float64Array
  /** [count, d] */
  vectors: Float64Array
}

/** Error of a vector relative to the largest eigenvalue. */
const TOLERANCE = 1e-11

/**
 * The largest eigenvalues of a symmetric matrix by Lanczos iteration with full reorthogonalisation. It builds an orthonormal
 * basis step by step, at most of the whole space, where the result is exact.
 * @param matrix [d, d] @param count at most d
 */
export function largestEigen(matrix: Float64Array, d: number, count: number): Eigen {
  for (let steps = Math.min(d, 3 * count + 40); ; steps = Math.min(d, 2 * steps)) {
    const { basis, diagonal, beside } = lanczos(matrix, d, steps)
    const { values, vectors } = tridiagonalEigen(diagonal, beside)
    const largest = Math.abs(values[0]!)
    const isExact = Array.from({ length: count }, (_, i) => i).every(
      i => Math.abs(beside[steps - 1]! * vectors[i * steps + steps - 1]!) <= TOLERANCE * largest,
    )
    if (isExact || steps === d) return inSpace(values, vectors, basis, d, steps, count)
  }
}

/** @returns basis [steps, d]; the tridiagonal matrix in it: diagonal [steps], beside it [steps], the last one left over */
function lanczos(matrix: Float64Array, d: number, steps: number) {
  const random = randomFrom(1)
  const basis = new Float64Array(steps * d)
  const diagonal = new Float64Array(steps)
  const beside = new Float64Array(steps)
  const next = Float64Array.from({ length: d }, () => random() - 0.5)
  for (let step = 0; step < steps; step++) {
    let length = norm(next)
    // The space of the vectors so far is closed: go on with any other direction.
    while (length < 1e-12 * Math.max(1, Math.abs(diagonal[0]!))) {
      if (step > 0) beside[step - 1] = 0
      for (let j = 0; j < d; j++) next[j] = random() - 0.5
      orthogonalise(next, basis, d, step)
      length = norm(next)
    }
    const own = basis.subarray(step * d, (step + 1) * d)
    for (let j = 0; j < d; j++) own[j] = next[j]! / length
    for (let i = 0; i < d; i++) next[i] = dot(matrix, i * d, own, d)
    diagonal[step] = dot(next, 0, own, d)
    orthogonalise(next, basis, d, step + 1)
    beside[step] = norm(next)
  }
  return { basis, diagonal, beside }
}

/** Twice is enough (Parlett). */
function orthogonalise(vector: Float64Array, basis: Float64Array, d: number, count: number): void {
  for (let time = 0; time < 2; time++)
    for (let b = 0; b < count; b++) {
      const along = dot(basis, b * d, vector, d)
      for (let j = 0, at = b * d; j < d; j++, at++) vector[j]! -= along * basis[at]!
    }
}

function inSpace(
  values: Float64Array,
  vectors: Float64Array,
  basis: Float64Array,
  d: number,
  steps: number,
  count: number,
): Eigen {
  const made = new Float64Array(count * d)
  for (let i = 0; i < count; i++)
    for (let step = 0; step < steps; step++) {
      const weight = vectors[i * steps + step]!
      for (let j = 0, from = step * d, to = i * d; j < d; j++, from++, to++) made[to]! += weight * basis[from]!
    }
  return { values: values.slice(0, count), vectors: made }
}

function dot(a: Float64Array, offset: number, b: Float64Array, d: number): number {
  let sum = 0
  for (let j = 0; j < d; j++) sum += a[offset + j]! * b[j]!
  return sum
}

const norm = (vector: Float64Array): number => Math.sqrt(dot(vector, 0, vector, vector.length))
