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

/** Share of a vector's length below which what is left of it is not exact. */
const CANCELLED = 0.7

/**
 * The largest eigenvalues of a symmetric matrix by Lanczos iteration with full reorthogonalisation. It builds an orthonormal
 * basis step by step, at most of the whole space, where the result is exact.
 * @param matrix [d, d] @param count at most d
 */
export function largestEigen(matrix: Float64Array, d: number, count: number): Eigen {
  const lanczos = new Lanczos(matrix, d)
  for (let steps = Math.min(d, 3 * count + 40); ; steps = Math.min(d, Math.ceil(1.5 * steps))) {
    lanczos.extendTo(steps)
    const { basis, diagonal, beside } = lanczos
    const { values, vectors } = tridiagonalEigen(diagonal.subarray(0, steps), beside.subarray(0, steps))
    const largest = Math.abs(values[0]!)
    const isExact = Array.from({ length: count }, (_, i) => i).every(
      i => Math.abs(beside[steps - 1]! * vectors[i * steps + steps - 1]!) <= TOLERANCE * largest,
    )
    if (isExact || steps === d) return inSpace(values, vectors, basis, d, steps, count)
  }
}

/** An orthonormal basis that grows, and the tridiagonal matrix in it. */
class Lanczos {
  /** [steps, d] */
  readonly basis: Float64Array
  /** [steps] */
  readonly diagonal: Float64Array
  /** Beside the diagonal, [steps]; the last one is left over. */
  readonly beside: Float64Array
  private readonly next: Float64Array
  private readonly random = randomFrom(1)
  private steps = 0

  constructor(
    private readonly matrix: Float64Array,
    private readonly d: number,
  ) {
    this.basis = new Float64Array(d * d)
    this.diagonal = new Float64Array(d)
    this.beside = new Float64Array(d)
    this.next = Float64Array.from({ length: d }, () => this.random() - 0.5)
  }

  extendTo(steps: number): void {
    const { matrix, d, basis, diagonal, beside, next } = this
    for (; this.steps < steps; this.steps++) {
      const step = this.steps
      const length = this.lengthOfNext()
      const own = basis.subarray(step * d, (step + 1) * d)
      for (let j = 0; j < d; j++) own[j] = next[j]! / length
      for (let i = 0; i < d; i++) next[i] = dot(matrix, i * d, own, d)
      diagonal[step] = dot(next, 0, own, d)
      addTimes(next, -diagonal[step]!, own, 0, d)
      if (step > 0) addTimes(next, -beside[step - 1]!, basis, (step - 1) * d, d)
      orthogonalise(next, basis, d, step + 1)
      beside[step] = norm(next)
    }
  }

  /** Where the space of the vectors so far is closed, it goes on with any other direction. */
  private lengthOfNext(): number {
    const { d, basis, diagonal, beside, next, steps } = this
    let length = norm(next)
    while (length < 1e-12 * Math.max(1, Math.abs(diagonal[0]!))) {
      if (steps > 0) beside[steps - 1] = 0
      for (let j = 0; j < d; j++) next[j] = this.random() - 0.5
      orthogonalise(next, basis, d, steps)
      length = norm(next)
    }
    return length
  }
}

/** Again where much of the vector was cancelled; twice is enough (Parlett). */
function orthogonalise(vector: Float64Array, basis: Float64Array, d: number, count: number): void {
  for (let time = 0; time < 2; time++) {
    const before = norm(vector)
    for (let b = 0; b < count; b++) addTimes(vector, -dot(basis, b * d, vector, d), basis, b * d, d)
    if (norm(vector) > CANCELLED * before) return
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
    for (let step = 0; step < steps; step++)
      addTimes(made.subarray(i * d, (i + 1) * d), vectors[i * steps + step]!, basis, step * d, d)
  return { values: values.slice(0, count), vectors: made }
}

/** Four sums at once: one alone waits for each of its additions. */
function dot(a: Float64Array, offset: number, b: Float64Array, d: number): number {
  let first = 0
  let second = 0
  let third = 0
  let fourth = 0
  let j = 0
  for (let at = offset; j + 3 < d; j += 4, at += 4) {
    first += a[at]! * b[j]!
    second += a[at + 1]! * b[j + 1]!
    third += a[at + 2]! * b[j + 2]!
    fourth += a[at + 3]! * b[j + 3]!
  }
  for (; j < d; j++) first += a[offset + j]! * b[j]!
  return first + second + (third + fourth)
}

function addTimes(to: Float64Array, factor: number, from: Float64Array, offset: number, d: number): void {
  for (let j = 0, at = offset; j < d; j++, at++) to[j]! += factor * from[at]!
}

const norm = (vector: Float64Array): number => Math.sqrt(dot(vector, 0, vector, vector.length))
