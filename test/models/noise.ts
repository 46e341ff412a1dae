import { dot, normalise } from '../../src/domain/similarity.js'

/** Uniform in [-1, 1), the same for the same seed (a linear congruential generator). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  }
}

/** Draws one component of an error. */
type Noise = (random: () => number) => number

/** Nearly normal; its deviation does not matter, see {@link withNoise}. */
const gaussian: Noise = random => random() + random() + random() + random()

/** What rounded weights may do to the components of an embedding. */
export const NOISES: [string, Noise][] = [
  ['even', gaussian],
  // Student's t with three degrees of freedom: some components are far off.
  ['heavy-tailed', random => gaussian(random) / Math.hypot(gaussian(random), gaussian(random), gaussian(random))],
]

/** A unit vector of exactly this cosine similarity with `vector`, which has unit length. */
export function withNoise(vector: Float32Array, cosine: number, noise: Noise, random: () => number): Float32Array {
  const drawn = vector.map(() => noise(random))
  const along = dot(drawn, vector)
  const across = normalise(drawn.map((value, i) => value - along * vector[i]!))
  const sine = Math.sqrt(1 - cosine * cosine)
  return normalise(vector.map((value, i) => cosine * value + sine * across[i]!))
}
