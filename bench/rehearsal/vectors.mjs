// Vectors that behave like CLIP's, as many as wanted: grown as corpus B is (bench/support/search/search-corpus.py), from the
// real ones of REFERENCE, or without it from invented ones.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { normalise } from '../../dist/domain/similarity.js'
import { fromHalf, openHalves } from '../support/npy.mjs'

export const DIMENSION = 512
const NEIGHBOURS = 40
const AMPLITUDE = 1.2
const NOISE = 0.4
/** Residuals whose random sum is the noise: it has their covariance. */
const NOISE_TERMS = 4
const INVENTED = { photos: 700, texts: 600, topics: 30 }

/**
 * @param seed another one gives other vectors of the same kind
 * @returns `photo()`: the next vector; `text(n)`: the n-th of `texts` vectors of texts. Float32Array [512], unit length
 */
export function openVectors(seed) {
  const random = randomOf(seed)
  const { photos, texts } = process.env.REFERENCE ? realVectors(process.env.REFERENCE) : inventedVectors()
  const near = photos.map(photo => nearest(photos, photo))
  const places = near.map(rows => meanOf(rows.map(row => photos[row])))
  const residuals = photos.map((photo, i) => photo.map((value, d) => value - places[i][d]))
  const anyOf = rows => rows[Math.floor(random() * rows.length)]
  const any = () => Math.floor(random() * photos.length)
  return {
    photo() {
      const i = any()
      const weight = middling(random)
      const turn = (random() * Math.PI) / 2
      const [place, other] = [places[i], places[anyOf(near[i])]]
      const first = residuals[random() < 0.5 ? anyOf(near[i]) : any()]
      const second = residuals[anyOf(near[i])]
      const noise = Array.from({ length: NOISE_TERMS }, () => residuals[any()])
      const shares = noise.map(() => (NOISE / Math.sqrt(NOISE_TERMS)) * gaussian(random))
      const [a, b] = [AMPLITUDE * Math.cos(turn), AMPLITUDE * Math.sin(turn)]
      const vector = new Float32Array(DIMENSION)
      for (let d = 0; d < DIMENSION; d++) {
        let value = weight * place[d] + (1 - weight) * other[d] + a * first[d] + b * second[d]
        for (let n = 0; n < NOISE_TERMS; n++) value += shares[n] * noise[n][d]
        vector[d] = value
      }
      return normalise(vector)
    },
    texts: texts.length,
    text: n => texts[n % texts.length],
  }
}

function realVectors(folder) {
  const read = name => {
    const file = join(folder, name)
    if (!existsSync(file)) throw new Error(`REFERENCE: there is no ${file}`)
    const halves = openHalves(file)
    const bits = halves.read(0, halves.rows)
    halves.close()
    return Array.from({ length: halves.rows }, (_, row) =>
      normalise(Float32Array.from(bits.subarray(row * DIMENSION, (row + 1) * DIMENSION), fromHalf)),
    )
  }
  return { photos: read('unsplash/clip-vit-b-32-image.npy'), texts: read('clip-text/clip-vit-b-32-text.npy') }
}

/** Photos around topics; texts near the topics, and away from all photos in one direction. */
function inventedVectors() {
  const random = randomOf(1)
  const direction = () => Float32Array.from({ length: DIMENSION }, () => gaussian(random))
  const sum = (...terms) =>
    normalise(new Float32Array(DIMENSION).map((_, d) => terms.reduce((total, [share, v]) => total + share * v[d], 0)))
  const [everyPhoto, everyText] = [direction(), direction()]
  const topics = Array.from({ length: INVENTED.topics }, direction)
  const topic = () => topics[Math.floor(random() * topics.length)]
  return {
    photos: Array.from({ length: INVENTED.photos }, () => sum([1, everyPhoto], [0.7, topic()], [0.7, direction()])),
    texts: Array.from({ length: INVENTED.texts }, () => sum([1, everyText], [0.5, topic()], [0.7, direction()])),
  }
}

function nearest(vectors, query) {
  const scores = vectors.map(vector => vector.reduce((total, value, d) => total + value * query[d], 0))
  const order = scores.map((_, row) => row).sort((a, b) => scores[b] - scores[a])
  return order.slice(1, 1 + NEIGHBOURS)
}

function meanOf(vectors) {
  return new Float32Array(DIMENSION).map((_, d) => vectors.reduce((sum, vector) => sum + vector[d], 0) / vectors.length)
}

/** Uniform from 0 to 1: Mulberry32. */
export function randomOf(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Box and Muller, 1958. */
function gaussian(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** Beta(2, 2): the middle one of three. */
function middling(random) {
  const [a, b, c] = [random(), random(), random()]
  return a + b + c - Math.max(a, b, c) - Math.min(a, b, c)
}
