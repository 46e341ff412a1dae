import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../config.js'
import { AppError } from '../domain/errors.js'
import { type ModelIdentity, modelKey } from '../domain/model.js'
import type { CutText, Encoder } from '../domain/ports/encoder.js'
import { rewriteWarnings } from '../domain/rewrite.js'
import type { AddedModel, AddOptions } from '../models/adding/options.js'
import type { RemovedModel } from '../models/adding/remove-model.js'
import { identify } from '../models/catalog/identity.js'
import { type ListedModel, listModels } from '../models/catalog/list-models.js'
import { knownModels } from '../models/catalog/model-folders.js'
import { isAdded, isMade, type ModelSpec, resolveModel } from '../models/catalog/registry.js'
import type { SelfTestStep } from '../models/check/self-test.js'
import { ensureModelFiles, type FilesProgress, modelFolder } from '../models/files/files.js'
import type { ModelSource } from '../models/files/source.js'
import { type VerifiedFile, verifyModel } from '../models/files/verify.js'
import { defaultImagesPerCall, type ExecutionProvider } from '../models/runtime/providers.js'
import { TextCache } from '../models/runtime/text-cache.js'
import type { Lifecycle } from './lifecycle.js'

export type Towers = 'image' | 'text' | 'both'
type AddWanted = Omit<
  AddOptions,
  'repository' | 'baseOf' | 'taken' | 'cacheDir' | 'lock' | 'openEncoder' | 'onProgress' | 'signal'
>
type AddProgress = AddOptions['onProgress']
type OnProgress = (progress: FilesProgress) => void

/** The models that this installation knows, and their encoders. The key of a model is `name` or `name@precision`. */
export class ModelPart {
  readonly #texts = new TextCache()
  readonly #saidCuts = new Set<string>()
  #known: readonly ModelSpec[] | undefined
  #preferred: string | undefined

  constructor(
    private readonly config: Config,
    private readonly lifecycle: Lifecycle,
    private readonly logger: () => Promise<Logger>,
  ) {}

  /** Folder of downloaded model files. */
  get folder(): string {
    return this.config.MODELS_DIR ?? join(this.config.UNSPLASH_CLIP_HOME, 'models')
  }

  /** The lock file of `models add`. */
  get lock(): string {
    return this.config.MODELS_LOCK ?? join(this.folder, 'models.lock.json')
  }

  /** Every model, with those of `models add` and MODEL_FOLDERS. @throws AppError CONFIG_INVALID, MODEL_INVALID */
  get known(): readonly ModelSpec[] {
    this.#known ??= knownModels(this.config.MODEL_FOLDERS, this.lock)
    return this.#known
  }

  /** @throws AppError MODEL_UNKNOWN */
  resolve(key: string): ModelSpec {
    try {
      return resolveModel(key, this.known)
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'MODEL_UNKNOWN') throw error
      // A model may have been added since this process started.
      this.#known = undefined
      return resolveModel(key, this.known)
    }
  }

  /** Takes the place of the model of the settings, before its first use. @param key `name@precision` */
  prefer(key: string): void {
    this.#preferred = key
  }

  /** Key of the model of the settings. */
  get wanted(): string {
    return this.#preferred ?? this.config.MODEL
  }

  /** The model of the settings. @throws AppError MODEL_UNKNOWN */
  get spec(): ModelSpec {
    return this.resolve(this.wanted)
  }

  /** The identity of the model of the settings: its name and revision. Needs no downloaded file. */
  identity(): Promise<ModelIdentity> {
    return this.lifecycle.once('model identity', () => this.identify(this.wanted))
  }

  /**
   * The identity of any model, read again per call: its files may have been replaced.
   * @throws AppError MODEL_UNKNOWN, MODEL_NOT_FOUND
   */
  async identify(key: string): Promise<ModelIdentity> {
    const spec = this.resolve(key)
    return identify(spec, modelFolder(spec, this.folder))
  }

  /** Fetches the files of a model unless they are here. @returns their folder. @throws see `ensureModelFiles` */
  async ensureFiles(key: string, signal: AbortSignal, onProgress?: OnProgress): Promise<string> {
    const spec = this.resolve(key)
    const source = await modelSourceOf(this.config, spec)
    return ensureModelFiles(spec, { cacheDir: this.folder, source, signal, onProgress })
  }

  /**
   * Where encoders compute: the first provider of the settings that works here. The log names those that do not.
   * @throws AppError CONFIG_INVALID when none does
   */
  executionProvider(): Promise<ExecutionProvider> {
    return this.lifecycle.once('execution provider', async () => {
      const { chooseProvider } = await import('../models/runtime/choose-provider.js')
      const { provider, refused } = await chooseProvider(this.config.EXECUTION_PROVIDER)
      for (const { provider: wanted, reason } of refused)
        (await this.logger()).warn(
          { reason },
          `EXECUTION_PROVIDER: ${wanted} cannot be used here, ${provider} takes its place`,
        )
      return provider
    })
  }

  /**
   * The shared encoder of a model: opened once per model, closed with the application. Fetches its files unless they
   * are here.
   * @param towers to load now; the other one loads on first use
   */
  encoder(key: string, towers: Towers, signal: AbortSignal, onProgress?: OnProgress): Promise<Encoder> {
    return this.lifecycle.once(`encoder ${modelKey(this.resolve(key))}`, async () => {
      const encoder = await this.openEncoder(key, towers, signal, onProgress)
      this.lifecycle.onClose(() => encoder.close())
      return encoder
    })
  }

  /**
   * An encoder that the caller closes.
   * @param where `thread`: in a thread of its own, so that the caller's thread stays free while the model runs
   * @throws AppError MODEL_UNKNOWN, and see `ensureModelFiles`
   */
  async openEncoder(
    key: string,
    towers: Towers,
    signal: AbortSignal,
    onProgress?: OnProgress,
    where: 'here' | 'thread' = 'here',
  ): Promise<Encoder> {
    const spec = this.resolve(key)
    const folder = await this.ensureFiles(key, signal, onProgress)
    const { THREADS: threads, IMAGES_PER_CALL } = this.config
    const provider = await this.executionProvider()
    const imagesPerCall = IMAGES_PER_CALL ?? defaultImagesPerCall(provider)
    if (provider !== 'cpu' && spec.precision.startsWith('int8'))
      (await this.logger()).warn(
        { provider, model: key },
        'int8 models are made for CPUs, where most of this one will be computed; @fp16 or @fp32 make use of the provider',
      )
    const onCut = (cuts: readonly CutText[]) => this.#sayCut(key, whatWasCut(cuts))
    const options = { threads, imagesPerCall, provider, towers, onCut }
    const encoder =
      where === 'thread'
        ? await (await import('../models/runtime/encoder-thread.js')).openEncoderThread(spec, folder, options)
        : await (await import('../models/runtime/onnx-encoder.js')).openOnnxEncoder(spec, folder, options)
    for (const warning of rewriteWarnings(encoder.rewrites ?? []))
      (await this.logger()).warn({ model: key }, `the model computes slower than it could: ${warning}`)
    return this.#texts.before(encoder)
  }

  /** Two precisions of a model, and every use of a label set, cut the same texts: once is enough. */
  async #sayCut(model: string, reason: string): Promise<void> {
    if (this.#saidCuts.has(reason)) return
    if (this.#saidCuts.size < MAX_SAID_CUTS) this.#saidCuts.add(reason)
    ;(await this.logger()).warn({ model, reason }, CUT)
  }

  list(): Promise<ListedModel[]> {
    return listModels(this.known, this.folder, this.config.EXECUTION_PROVIDER[0])
  }

  /** Adds a model: see `addModel`. @throws AppError USAGE, MODEL_INVALID, MODEL_DIGEST_MISMATCH, MODEL_DOWNLOAD_FAILED */
  async add(source: string, wanted: AddWanted, signal: AbortSignal, onProgress?: AddProgress): Promise<AddedModel> {
    const [{ addModel }, { openHubRepository, openRepository }, { openOnnxEncoder }] = await Promise.all([
      import('../models/adding/add-model.js'),
      import('./open-model-repository.js'),
      import('../models/runtime/onnx-encoder.js'),
    ])
    const provider = await this.executionProvider()
    const added = await addModel({
      ...wanted,
      repository: openRepository(source, this.config),
      baseOf: repository => openHubRepository(repository, 'main', this.config),
      taken: this.known.filter(({ origin }) => origin.kind === 'folder').map(({ name }) => name),
      cacheDir: this.folder,
      lock: this.lock,
      openEncoder: (spec, folder) => openOnnxEncoder(spec, folder, { threads: this.config.THREADS, provider }),
      onProgress,
      signal,
    })
    this.#known = undefined
    return added
  }

  /** Removes an added model and its files. @throws AppError MODEL_UNKNOWN */
  async remove(name: string, signal: AbortSignal): Promise<RemovedModel> {
    const { removeModel } = await import('../models/adding/remove-model.js')
    const removed = await removeModel(name, { cacheDir: this.folder, lock: this.lock, signal })
    this.#known = undefined
    return removed
  }

  /** Compares the files of the settings' model with their pinned digests. */
  verify(signal: AbortSignal): Promise<VerifiedFile[]> {
    return verifyModel(this.spec, modelFolder(this.spec, this.folder), signal)
  }

  /** Runs the settings' model on texts and pictures with known answers; its files must be here. See `selfTest`. */
  async *selfTest(signal: AbortSignal): AsyncGenerator<SelfTestStep> {
    const { selfTest } = await import('../models/check/self-test.js')
    const spec = this.spec
    const encoder = await this.encoder(this.wanted, 'both', signal)
    const { MAX_IMAGE_PIXELS: maxPixels, JPEG_DECODER: jpegDecoder } = this.config
    yield* selfTest({
      spec,
      folder: modelFolder(spec, this.folder),
      session: { threads: this.config.THREADS, provider: await this.executionProvider() },
      encoder,
      preprocess: async image => {
        const { preprocess } = await import('../images/decode.js')
        return preprocess(image, { input: encoder.input, maxPixels, jpegDecoder })
      },
    })
  }
}

const CUT = 'the end of a text is ignored'
const SHOWN_CHARACTERS = 40
/** Bounds memory where users send texts without end. */
const MAX_SAID_CUTS = 1000

function whatWasCut([first, ...others]: readonly CutText[]): string {
  const { text, tokens, contextLength } = first!
  const shown = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
  const more = others.length > 0 ? `; ${others.length} more are too long` : ''
  return `${JSON.stringify(shown)} has ${tokens} tokens, of which ${contextLength} are read${more}`
}

/**
 * The hub, a bucket, or a folder; of a model that was added from a bucket or folder by default that one.
 * @throws AppError CONFIG_INVALID
 */
async function modelSourceOf(config: Config, spec: ModelSpec): Promise<ModelSource> {
  const { modelSource } = await import('../models/files/sources.js')
  const from = isMade(spec) ? spec.origin.from : spec
  const added = isAdded(from) && !from.origin.added.source.startsWith('hf:') ? from.origin.added.source : undefined
  return modelSource({
    modelSource: config.MODEL_SOURCE ?? added,
    hubEndpoint: config.HF_ENDPOINT,
    hubToken: config.HF_TOKEN,
    s3: { endpoint: config.S3_ENDPOINT, region: config.S3_REGION, forcePathStyle: config.S3_FORCE_PATH_STYLE },
  })
}
