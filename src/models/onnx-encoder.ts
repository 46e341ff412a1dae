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
 * Images of one session run. The runtime computes on the calling thread, so this bounds how long timers and sockets wait
 * (about 200 ms with int8 on two cores), and the memory of a run. A larger number gains nothing: runs of 1 to 32 images
 * took the same CPU time an image, 30 to 36 ms.
 */
const IMAGES_PER_RUN = 8

/** Fed when the text tower lists it. */
const MASK = 'attention_mask'

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
    return this.afterOthers(async () => {
      const embeddings: Float32Array[] = []
      for (let first = 0; first < images.length; first += IMAGES_PER_RUN)
        embeddings.push(...(await this.runVision(images.slice(first, first + IMAGES_PER_RUN), first)))
      return embeddings
    })
  }

  encodeTexts(texts: readonly string[]): Promise<Float32Array[]> {
    return this.afterOthers(async () => {
      const embeddings: Float32Array[] = []
      for (const text of texts) embeddings.push(await this.runText(text))
      return embeddings
    })
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

  /** @param first position of these images in the call, for messages */
  private async runVision(images: readonly Uint8Array[], first: number): Promise<Float32Array[]> {
    const tower = await this.openVision()
    const { imageSize, model } = this
    // pixels: [images.length, 3, imageSize, imageSize], NCHW
    const pixels = new Tensor('float32', this.pixels.normalise(images), [images.length, 3, imageSize, imageSize])
    const rows = await tower.run({ pixel_values: pixels }, images.length)
    return images.map((_, index) => {
      try {
        return normalise(rows.subarray(index * model.dimension, (index + 1) * model.dimension))
      } catch (cause) {
        const message = `image ${first + index}: the embedding is zero or not finite`
        throw new PhotoError('ENCODE_FAILED', message, { cause })
      }
    })
  }

  /**
   * One text a run: no padding, which would be computed for nothing, and no influence of one text on another. (A tower
   * that is quantised dynamically takes the range of its activations over all that runs together.)
   */
  private async runText(text: string): Promise<Float32Array> {
    const { tower, tokenizer } = await this.openText()
    // ids: [1, sequence]
    const ids = BigInt64Array.from(tokenizer.encode(text), id => BigInt(id))
    const shape = [1, ids.length]
    const row = await tower.run(
      {
        input_ids: new Tensor('int64', ids, shape),
        ...(tower.hasInput(MASK) ? { [MASK]: new Tensor('int64', new BigInt64Array(ids.length).fill(1n), shape) } : {}),
      },
      1,
    )
    try {
      return normalise(row)
    } catch (cause) {
      const message = `The embedding of the text ${JSON.stringify(text)} is zero or not finite. Check the files with \`models verify\`.`
      throw new AppError('MODEL_INVALID', message, { cause })
    }
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
    optionalInputs: [{ name: MASK, type: 'int64', shape: [undefined, undefined] }],
    output: { name: 'text_embeds', type: 'float32', shape: [undefined, spec.dimension] },
  }
}
