// What the rehearsal puts in the place of a model and of most pictures. Everything else in a worker is real.
import { createHash } from 'node:crypto'
import { clipInput } from '../../dist/domain/image-input.js'
import { DIMENSION, openVectors } from './vectors.mjs'

export const MODEL = {
  name: 'rehearsal',
  precision: 'none',
  revision: 'r1',
  dimension: DIMENSION,
  scoring: 'softmax',
  logitScale: 100,
  logitBias: 0,
}
export const LABEL_SETS = [
  { name: 'taken_time', template: 'A photo taken at {label}', labels: ['dawn', 'day', 'dusk', 'night'] },
  { name: 'taken_space', template: 'A photo taken {label}', labels: ['indoors', 'outdoors'] },
]
/** One photo of this number is downloaded and decoded. */
export const PICTURES = 100

const INPUT = clipInput(224)
const BLANK = new Uint8Array(INPUT.size ** 2 * 3)

/** An encoder that knows vectors beforehand: the next one of a corpus per image, the same one of the real ones per text. */
export function standInEncoder(seed) {
  const vectors = openVectors(seed)
  return {
    model: MODEL,
    input: INPUT,
    hasTexts: true,
    encodeImages: async images => images.map(() => vectors.photo()),
    encodeTexts: async texts =>
      texts.map(text => vectors.text(createHash('sha256').update(text).digest().readUInt32BE())),
    close: async () => {},
  }
}

/** Lets one photo in {@link PICTURES} through the real stages. The others have no picture: neither download nor decoding. */
export function standInPipeline(real) {
  const hasPicture = ({ id }) => createHash('sha256').update(id).digest()[0] * PICTURES < 256
  const nothing = { image: Buffer.alloc(0), version: null }
  return {
    ...real,
    pausedFor: photo => (hasPicture(photo) ? real.pausedFor(photo) : null),
    async download(photo, signal, permit, ...rest) {
      if (hasPicture(photo)) return real.download(photo, signal, permit, ...rest)
      await permit.take(signal)
      return nothing
    },
    decode: async (image, ...rest) => (image === nothing.image ? { square: BLANK } : real.decode(image, ...rest)),
    readMetadata: async () => null,
    release: pixels => pixels !== BLANK && real.release(pixels),
  }
}
