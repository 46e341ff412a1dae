import { AppError } from '../../domain/errors.js'
import type { Encoder } from '../../domain/ports/encoder.js'
import { cosineSimilarity } from '../../domain/similarity.js'
import { errorMessage } from '../../domain/text/error-text.js'
import type { ModelEntry } from '../catalog/entry.js'

/** Short texts, of which padding would be the larger part. */
const TEXTS = ['dog', 'a red car on a street at night']
/** Rounding moves embeddings by less. Quantised towers take the range of each call, padding included. */
const SAME = { exact: 0.9999, rounded: 0.98, picture: 1e-6 }

export interface TriedModel {
  readonly entry: ModelEntry
  /** What the runs showed, one sentence each. */
  readonly sentences: readonly string[]
}

type Open = (entry: ModelEntry) => Promise<Encoder>

/**
 * Runs both towers of a model that was just derived: two pictures must get different, finite embeddings of the stated
 * length, and so must the longest text.
 * Finds out whether padding changes embeddings of texts. It does not where tokens see only earlier ones (CLIP) or where a
 * mask hides it; then texts are not padded, which takes a fraction of the time.
 * @param fill the id that would pad; undefined: it is settled
 * @param open opens an encoder of an entry; it is closed here
 * @throws AppError MODEL_INVALID
 */
export async function tryModel(entry: ModelEntry, fill: number | undefined, open: Open): Promise<TriedModel> {
  await tryImages(entry, open)
  const images = `pictures give finite embeddings of ${entry.dimension} numbers that differ`
  const { text, defaultPrecision } = entry
  if (!text) return { entry, sentences: [images] }
  const plain = await embed(entry, open)
  const sentences = [images, `texts give finite embeddings of the same length, up to ${text.contextLength} tokens`]
  if (fill === undefined || text.padId !== undefined) return { entry, sentences }
  const padded = { ...entry, text: { ...text, padId: fill } }
  const others = await embed(padded, open)
  const nearest = Math.min(...TEXTS.map((_, i) => cosineSimilarity(plain[i]!, others[i]!)))
  const isSame = nearest >= (/^fp/.test(defaultPrecision) ? SAME.exact : SAME.rounded)
  const found = `(cosine ${nearest.toFixed(5)} with it)`
  return isSame
    ? { entry, sentences: [...sentences, `padding changes no embedding ${found}, so texts are not padded`] }
    : {
        entry: padded,
        sentences: [
          ...sentences,
          `padding changes embeddings ${found}, so texts are padded with ${fill}, as in training`,
        ],
      }
}

/** A dark and a bright half, and stripes. */
async function tryImages(entry: ModelEntry, open: Open): Promise<void> {
  const { size } = entry.input
  const picture = (value: (pixel: number) => number) =>
    Uint8Array.from({ length: 3 * size * size }, (_, at) => value(at))
  const pictures = [picture(at => (at < 1.5 * size * size ? 30 : 220)), picture(at => (Math.floor(at / 24) % 2) * 255)]
  const encoder = await open(entry)
  try {
    const [first, second] = await encoder.encodeImages(pictures)
    if (first!.some((value, at) => Math.abs(value - second![at]!) > SAME.picture)) return
    throw new AppError(
      'MODEL_INVALID',
      `Expected the image tower of ${entry.name} to tell a picture with two halves from one with stripes, found the same embedding. Its weights are broken, or mean and std belong to another model.`,
    )
  } catch (cause) {
    throw failed(entry, 'image tower', 'pictures', cause)
  } finally {
    await encoder.close()
  }
}

/** Of {@link TEXTS}, and of a text that is too long for the model. */
async function embed(entry: ModelEntry, open: Open): Promise<Float32Array[]> {
  const { contextLength } = entry.text!
  const encoder = await open(entry)
  try {
    return await encoder.encodeTexts([...TEXTS, 'word '.repeat(contextLength)])
  } catch (cause) {
    throw failed(entry, 'text tower', `texts of up to ${contextLength} tokens`, cause)
  } finally {
    await encoder.close()
  }
}

function failed({ name }: ModelEntry, tower: string, what: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause
  return new AppError(
    'MODEL_INVALID',
    `Expected the ${tower} of ${name} to embed ${what}, found ${errorMessage(cause)}. State other fields of model.json with --fields FILE if the derived ones are wrong.`,
    { cause },
  )
}
