import { join } from 'node:path'
import type { InferenceSession, Tensor } from 'onnxruntime-node'
import { normalise } from '../../domain/similarity.js'
import type { ModelSpec } from '../catalog/spec.js'
import { ImageFeeds } from '../runtime/image-feeds.js'
import { TextFeeds } from '../runtime/text-feeds.js'
import { Tower } from '../runtime/tower.js'

/** What a tower runs on. */
export interface Inputs {
  /** RGB bytes, [size, size, 3] each. */
  readonly pictures: readonly Uint8Array[]
  readonly texts: readonly string[]
}

/** A model file that is open. */
export interface OpenTower {
  readonly spec: ModelSpec
  /** Of the file and the tokenizer. */
  readonly folder: string
  /** Relative to the folder. */
  readonly file: string
  readonly session: InferenceSession
}

export interface Outputs {
  /** Of unit length; absent: the file has no such tower. */
  readonly pictures?: Float32Array[]
  readonly texts?: Float32Array[]
  /** Highest numbers of each watched output over all runs. */
  readonly highest: Float32Array[]
}

/**
 * Runs the towers of a file on one input after another.
 * @param watched names of outputs
 */
export async function runTowers(open: OpenTower, inputs: Inputs, watched: readonly string[] = []): Promise<Outputs> {
  const { spec, file } = open
  const highest: Float32Array[] = []
  const run = async (tower: Tower, feeds: Readonly<Record<string, Tensor>>) => {
    const found = await tower.watch(feeds, 1, watched)
    for (const [index, values] of found.watched.entries()) highest[index] = higher(values, highest[index])
    return normalise(found.embeddings)
  }
  const pictures = file === spec.visionFile ? await runPictures(open, inputs, run) : undefined
  const texts = file === spec.textFile ? await runTexts(open, inputs, run) : undefined
  return { pictures, texts, highest }
}

type Run = (tower: Tower, feeds: Readonly<Record<string, Tensor>>) => Promise<Float32Array>

async function runPictures({ spec, folder, file, session }: OpenTower, { pictures }: Inputs, run: Run) {
  const { input, mean, std } = spec
  const tower = Tower.ofImages(session, join(folder, file), expectedOf(spec))
  const feeds = new ImageFeeds(tower.inputs, { size: input.size, mean, std })
  const embeddings: Float32Array[] = []
  for (const picture of pictures) embeddings.push(await run(tower, feeds.of([picture])))
  return embeddings
}

async function runTexts({ spec, folder, file, session }: OpenTower, { texts }: Inputs, run: Run) {
  const tower = Tower.ofTexts(session, join(folder, file), expectedOf(spec))
  const feeds = await TextFeeds.open(folder, spec.text!, tower.inputs)
  const embeddings: Float32Array[] = []
  for (const text of texts) embeddings.push(await run(tower, feeds.of(text)))
  return embeddings
}

function expectedOf({ dimension, input, text }: ModelSpec) {
  return { dimension, imageSize: input.size, contextLength: text?.contextLength }
}

function higher(values: Float32Array, than: Float32Array | undefined): Float32Array {
  return than ? values.map((value, at) => Math.max(value, than[at]!)) : Float32Array.from(values)
}
