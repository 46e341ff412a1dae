import { join } from 'node:path'
import { Tensor } from 'onnxruntime-node'
import { AppError, PhotoError } from '../domain/errors.js'
import type { ModelIdentity } from '../domain/model.js'
import type { Encoder } from '../domain/ports/encoder.js'
import { normalise } from '../domain/similarity.js'
import { identify } from './identity.js'
import { PixelNormaliser } from './pixels.js'
import type { ModelSpec } from './registry.js'
import { loadTokenizer, type TextTokenizer } from './tokenizer.js'
import { Tower, type TowerContract } from './tower.js'

export interface EncoderOptions {
  /** Threads of one session; 0: one a core. */
  threads?: number
  /** Towers to load now. The others load on first use: a search never pays for the image tower. */
  towers?: 'image' | 'text' | 'both' | 'none'
}

/**
 * Inputs of one session run. The runtime computes on the calling thread, so this bounds how long timers and sockets
 * wait, and the memory of a run.
 */
const IMAGES_PER_RUN = 16
const TEXTS_PER_RUN = 16

/**
 * Opens a model from a folder in the Hugging Face layout.
 * @throws AppError MODEL_INVALID when a file of it is not what the registry says
 */
export async function openOnnxEncoder(
  spec: ModelSpec,
  folder: string,
  { threads = 0, towers = 'none' }: EncoderOptions = {},
): Promise<Encoder> {
  const encoder = new OnnxEncoder(await identify(spec, folder), spec, folder, threads)
  try {
    await encoder.load(towers)
  } catch (error) {
    await encoder.close()
    throw error
  }
  return encoder
}

class OnnxEncoder implements Encoder {
  readonly imageSize: number
  private readonly pixels: PixelNormaliser
  private vision: Promise<Tower> | undefined
  private text: Promise<{ tower: Tower; tokenizer: TextTokenizer }> | undefined
  /** Calls run one after the other: each waits for this and replaces it. */
  private tail: Promise<unknown> = Promise.resolve()
  private closed: Promise<void> | undefined

  constructor(
    readonly model: ModelIdentity,
    private readonly spec: ModelSpec,
    private readonly folder: string,
    private readonly threads: number,
  ) {
    this.imageSize = spec.imageSize
    this.pixels = new PixelNormaliser(spec.imageSize, spec.mean, spec.std)
  }

  async load(towers: NonNullable<EncoderOptions['towers']>): Promise<void> {
    if (towers === 'image' || towers === 'both') await this.openVision()
    if (towers === 'text' || towers === 'both') await this.openText()
  }

  encodeImages(images: readonly Uint8Array[]): Promise<Float32Array[]> {
    return this.afterOthers(() => inChunks(images, IMAGES_PER_RUN, (chunk, first) => this.runVision(chunk, first)))
  }

  encodeTexts(texts: readonly string[]): Promise<Float32Array[]> {
    return this.afterOthers(() => inChunks(texts, TEXTS_PER_RUN, chunk => this.runText(chunk)))
  }

  close(): Promise<void> {
    this.closed ??= this.tail.then(async () => {
      const [vision, text] = await Promise.allSettled([this.vision, this.text])
      if (vision.status === 'fulfilled') await vision.value?.release()
      if (text.status === 'fulfilled') await text.value?.tower.release()
    })
    return this.closed
  }

  private afterOthers<T>(work: () => Promise<T>): Promise<T> {
    if (this.closed) return Promise.reject(new Error('the encoder is closed'))
    const result = this.tail.then(work)
    this.tail = result.catch(() => undefined)
    return result
  }

  private async runVision(images: readonly Uint8Array[], first: number): Promise<Float32Array[]> {
    const tower = await this.openVision()
    const { imageSize } = this
    // pixels: [images.length, 3, imageSize, imageSize], NCHW
    const pixels = new Tensor('float32', this.pixels.normalise(images), [images.length, 3, imageSize, imageSize])
    const rows = await tower.run({ pixel_values: pixels }, images.length)
    return this.embeddings(rows, index => {
      throw new PhotoError('ENCODE_FAILED', `the embedding of image ${first + index} is zero or not finite`)
    })
  }

  private async runText(texts: readonly string[]): Promise<Float32Array[]> {
    const { tower, tokenizer } = await this.openText()
    const rows = await tower.run(textFeeds(tower, tokenizer, texts), texts.length)
    return this.embeddings(rows, index => {
      throw new AppError('MODEL_INVALID', `The embedding of ${JSON.stringify(texts[index])} is zero or not finite.`)
    })
  }

  /** @param rows [count, dimension] */
  private embeddings(rows: Float32Array, refuse: (index: number) => never): Float32Array[] {
    const { dimension } = this.model
    return Array.from({ length: rows.length / dimension }, (_, index) => {
      try {
        return normalise(rows.subarray(index * dimension, (index + 1) * dimension))
      } catch {
        return refuse(index)
      }
    })
  }

  private openVision(): Promise<Tower> {
    this.vision ??= Tower.open(visionContract(this.spec, this.folder), this.threads)
    return this.vision
  }

  private openText(): Promise<{ tower: Tower; tokenizer: TextTokenizer }> {
    this.text ??= this.loadText()
    return this.text
  }

  private async loadText(): Promise<{ tower: Tower; tokenizer: TextTokenizer }> {
    const tokenizer = await loadTokenizer(this.folder, this.spec.contextLength)
    return { tokenizer, tower: await Tower.open(textContract(this.spec, this.folder), this.threads) }
  }
}

/** Runs the work over pieces of at most `size` inputs, in order. */
async function inChunks<In, Out>(
  inputs: readonly In[],
  size: number,
  work: (chunk: readonly In[], first: number) => Promise<Out[]>,
): Promise<Out[]> {
  const results: Out[] = []
  for (let first = 0; first < inputs.length; first += size)
    results.push(...(await work(inputs.slice(first, first + size), first)))
  return results
}

/**
 * Shorter texts are padded to the longest of the batch. What stands behind the first end token changes nothing: attention
 * is causal, and the text is read off at that token (openai/CLIP, clip/model.py, `encode_text`).
 */
function textFeeds(tower: Tower, tokenizer: TextTokenizer, texts: readonly string[]): Record<string, Tensor> {
  const sequences = texts.map(text => tokenizer.encode(text))
  const length = Math.max(...sequences.map(ids => ids.length))
  const shape = [sequences.length, length]
  const ids = new BigInt64Array(sequences.length * length).fill(BigInt(tokenizer.padId))
  const mask = new BigInt64Array(ids.length)
  for (const [row, sequence] of sequences.entries()) {
    for (const [column, id] of sequence.entries()) ids[row * length + column] = BigInt(id)
    mask.fill(1n, row * length, row * length + sequence.length)
  }
  return {
    input_ids: new Tensor('int64', ids, shape),
    ...(tower.hasInput('attention_mask') ? { attention_mask: new Tensor('int64', mask, shape) } : {}),
  }
}

function visionContract(spec: ModelSpec, folder: string): TowerContract {
  return {
    path: join(folder, spec.visionFile),
    input: { name: 'pixel_values', type: 'float32', shape: [undefined, 3, spec.imageSize, spec.imageSize] },
    output: { name: 'image_embeds', type: 'float32', shape: [undefined, spec.dimension] },
  }
}

function textContract(spec: ModelSpec, folder: string): TowerContract {
  return {
    path: join(folder, spec.textFile),
    input: { name: 'input_ids', type: 'int64', shape: [undefined, undefined] },
    optionalInputs: [{ name: 'attention_mask', type: 'int64', shape: [undefined, undefined] }],
    output: { name: 'text_embeds', type: 'float32', shape: [undefined, spec.dimension] },
  }
}
