/** Returns the dot product of two vectors of equal length, accumulated in double precision. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`expected vectors of equal length, found ${a.length} and ${b.length}`)
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

/** Returns the Euclidean length, accumulated in double precision. */
export function norm(vector: ArrayLike<number>): number {
  return Math.sqrt(dot(vector, vector))
}

/** Returns the cosine similarity, in [-1, 1]. NaN when one of the vectors is zero. */
export function cosineSimilarity(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return dot(a, b) / (norm(a) * norm(b))
}

/** Returns a unit-length copy. Throws RangeError for a vector that is zero or not finite: it has no direction. */
export function normalise(vector: ArrayLike<number>): Float32Array {
  const length = norm(vector)
  if (!Number.isFinite(length) || length === 0)
    throw new RangeError(`expected a finite, non-zero vector, found length ${length}`)
  return Float32Array.from(vector, value => value / length)
}

/** Returns the softmax, stable for large inputs. */
export function softmax(logits: readonly number[]): number[] {
  const max = Math.max(...logits)
  const exponentials = logits.map(logit => Math.exp(logit - max))
  const sum = exponentials.reduce((a, b) => a + b, 0)
  return exponentials.map(value => value / sum)
}

/** Returns 1 / (1 + e^-x), without overflow for any finite x. */
export function sigmoid(x: number): number {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))
}
