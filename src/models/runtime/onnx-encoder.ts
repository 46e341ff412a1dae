import './no-telemetry.js'
import { join } from 'node:path'
import type { InferenceSession } from 'onnxruntime-node'
import { AppError, PhotoError } from '../../domain/errors.js'
import type { ImageInput } from '../../domain/image-input.js'
import type { ModelIdentity } from '../../domain/model.js'
import type { CutText, Encoder } from '../../domain/ports/encoder.js'
import type { FileRewrites } from '../../domain/rewrite.js'
import { normalise } from '../../domain/similarity.js'
import { knowsNoWords } from '../../domain/text-tower.js'
import { identify } from '../catalog/identity.js'
import type { ModelSpec } from '../catalog/registry.js'
import { ImageFeeds } from './image-feeds.js'
import { addRewrites, concerning, type TowerFile, towersOf } from './rewrite-graph.js'
import { type ExecutionProvider, openSession, type SessionOptions } from './session.js'
import { TextFeeds } from './text-feeds.js'
import { type Expected, Tower } from './tower.js'

export interface EncoderOptions {
  /** Threads of one session; 0: one per core. */
  threads?: number
  /**
   * Images per inference call. The runtime computes on the calling thread, so this bounds how long timers and sockets
   * wait (8: about 200 ms with int8 on two cores), and the memory of a call. On a CPU, calls of 8 images took the least
   * time per image; 1 took a third more and 64 a quarter more (docs/benchmarks.md).
   */
  imagesPerCall?: number
  /** Where the towers run. Default: cpu. */
  provider?: ExecutionProvider
  /** Whether the CPU has VNNI; default: what the system says. */
  vnni?: boolean
  /** Towers to load now. The others load on first use, so a search never loads the image tower. */
  towers?: 'image' | 'text' | 'both' | 'none'
  /** Gets the texts of a call that were too long for the model. */
  onCut?: (cuts: readonly CutText[]) => void
}

const IMAGES_PER_CALL = 8

/**
 * Opens a model from a folder in the Hugging Face layout.
 * @throws AppError MODEL_INVALID when one of its files differs from the registry
 */
export async function openOnnxEncoder(
  spec: ModelSpec,
  folder: string,
  { threads = 0, imagesPerCall = IMAGES_PER_CALL, provider = 'cpu', vnni, towers = 'none', onCut }: EncoderOptions = {},
): Promise<Encoder> {
  const encoder = new OnnxEncoder(
    await identify(spec, folder),
    spec,
    folder,
    { threads, provider, vnni },
    imagesPerCall,
    onCut,
  )
  try {
    await encoder.load(towers)
  } catch (error) {
    await encoder.close()
    throw error
  }
  return encoder
}

interface ImageSide {
  readonly tower: Tower
  readonly feeds: ImageFeeds
}

interface TextSide {
  readonly tower: Tower
  readonly feeds: TextFeeds
}

class OnnxEncoder implements Encoder {
  readonly input: ImageInput
  readonly hasTexts: boolean
  readonly rewrites: FileRewrites[] = []
  private readonly expected: Expected
  private readonly sessions: Promise<InferenceSession>[] = []
  private images: Promise<ImageSide> | undefined
  private texts: Promise<TextSide> | undefined
  /** Calls run one after another: each waits for this promise and replaces it. */
  private tail: Promise<unknown> = Promise.resolve()
  private closed: Promise<void> | undefined

  constructor(
    readonly model: ModelIdentity,
    private readonly spec: ModelSpec,
    private readonly folder: string,
    private readonly options: SessionOptions,
    private readonly imagesPerCall: number,
    private readonly onCut: EncoderOptions['onCut'],
  ) {
    this.input = spec.input
    this.hasTexts = spec.text !== undefined
    this.expected = {
      dimension: spec.dimension,
      imageSize: spec.input.size,
      pooling: spec.pooling,
      contextLength: spec.text?.contextLength,
    }
  }

  async load(towers: NonNullable<EncoderOptions['towers']>): Promise<void> {
    if (towers === 'image' || towers === 'both') await this.openImages()
    if (this.hasTexts && (towers === 'text' || towers === 'both')) await this.openTexts()
  }

  encodeImages(images: readonly Uint8Array[]): Promise<Float32Array[]> {
    return this.afterOthers(async () => {
      const side = await this.openImages()
      const embeddings: Float32Array[] = []
      const step = side.tower.takesOneImage ? 1 : this.imagesPerCall
      for (let first = 0; first < images.length; first += step)
        embeddings.push(...(await this.runImages(side, images.slice(first, first + step), first)))
      return embeddings
    })
  }

  encodeTexts(texts: readonly string[]): Promise<Float32Array[]> {
    if (!this.hasTexts) return Promise.reject(withoutTexts(this.model))
    return this.afterOthers(async () => {
      const embeddings: Float32Array[] = []
      const cuts: CutText[] = []
      for (const text of texts) embeddings.push(await this.runText(await this.openTexts(), text, cuts))
      if (cuts.length > 0) this.onCut?.(cuts)
      return embeddings
    })
  }

  close(): Promise<void> {
    this.closed ??= this.tail.then(async () => {
      const opened = await Promise.allSettled(this.sessions)
      await Promise.all(opened.map(result => (result.status === 'fulfilled' ? result.value.release() : undefined)))
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
  private async runImages(
    { tower, feeds }: ImageSide,
    images: readonly Uint8Array[],
    first: number,
  ): Promise<Float32Array[]> {
    const { dimension } = this.model
    const rows = await tower.run(feeds.of(images), images.length)
    return images.map((_, index) => {
      try {
        return normalise(rows.subarray(index * dimension, (index + 1) * dimension))
      } catch (cause) {
        const message = `image ${first + index}: the embedding is zero or not finite`
        throw new PhotoError('ENCODE_FAILED', message, { cause })
      }
    })
  }

  /**
   * Runs one text per call. This needs no padding beyond the model's own, which would cost time, and texts do not
   * influence each other. (A dynamically quantised tower takes the range of its activations over the whole call.)
   */
  private async runText({ tower, feeds }: TextSide, text: string, cuts: CutText[]): Promise<Float32Array> {
    const contextLength = this.spec.text!.contextLength
    const row = await tower.run(
      feeds.of(text, tokens => cuts.push({ text, tokens, contextLength })),
      1,
    )
    try {
      return normalise(row)
    } catch (cause) {
      const message = `The embedding of the text ${JSON.stringify(text)} is zero or not finite. Check the files with \`models verify\`.`
      throw new AppError('MODEL_INVALID', message, { cause })
    }
  }

  private openImages(): Promise<ImageSide> {
    this.images ??= this.loadImages()
    return this.images
  }

  private openTexts(): Promise<TextSide> {
    this.texts ??= this.loadTexts()
    return this.texts
  }

  private async loadImages(): Promise<ImageSide> {
    const { input, mean, std, visionFile } = this.spec
    const path = join(this.folder, visionFile)
    const tower = Tower.ofImages(await this.session('image'), path, this.expected)
    return { tower, feeds: new ImageFeeds(tower.inputs, { size: input.size, mean, std }) }
  }

  private async loadTexts(): Promise<TextSide> {
    const text = this.spec.text!
    const path = join(this.folder, this.spec.textFile!)
    const tower = Tower.ofTexts(await this.session('text'), path, this.expected)
    return { tower, feeds: await TextFeeds.open(this.folder, text, tower.inputs) }
  }

  private session(kind: TowerFile['kind']): Promise<InferenceSession> {
    const { input, mean, std } = this.spec
    const pixels = { size: input.size, mean, std }
    const tower = towersOf(this.spec).find(one => one.kind === kind)!
    // A query waits for its embedding, and nothing else does.
    const options = { ...this.options, spins: kind === 'text', outputs: tower.outputs }
    const opened = openSession(join(this.folder, tower.file), options, pixels, all =>
      addRewrites(this.rewrites, concerning(tower, all)),
    )
    this.sessions.push(opened)
    return opened
  }
}

function withoutTexts(model: ModelIdentity): AppError {
  return knowsNoWords(
    model,
    'embed a text',
    'Search with --image or --photo; for words and labels, embed the photos with a model that has a text tower, such as clip-vit-b-32.',
  )
}
