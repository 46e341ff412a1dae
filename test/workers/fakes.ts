import { AppError, type HostPausedError, PhotoError, type PhotoFailureCode } from '../../src/domain/errors.js'
import { clipInput } from '../../src/domain/image-input.js'
import type { LabelSet } from '../../src/domain/labels.js'
import type { ModelIdentity } from '../../src/domain/model.js'
import type { PhotoRef } from '../../src/domain/photo.js'
import type { Encoder } from '../../src/domain/ports/encoder.js'
import type { Batch, BatchState } from '../../src/domain/ports/queue.js'
import type { BatchOutcome, EmbeddedVersion, Failure, PhotoStates } from '../../src/domain/ports/repository.js'
import type { RunControl, WorkerReport } from '../../src/domain/ports/run-repository.js'
import { normalise } from '../../src/domain/similarity.js'
import type { DecodedPhoto } from '../../src/images/decode.js'
import type { Preview } from '../../src/images/preview.js'
import type { Permit } from '../../src/net/semaphore.js'
import type { Probe } from '../../src/workers/delivery/circuit-breaker.js'
import type { EncoderSource } from '../../src/workers/delivery/encoder-pool.js'
import type { Service } from '../../src/workers/delivery/outage.js'
import type { Downloaded } from '../../src/workers/stages/download.js'
import type { ImagePipeline } from '../../src/workers/stages/prepare.js'

export const MODEL: ModelIdentity = {
  name: 'test',
  precision: 'fp32',
  revision: 'r1',
  dimension: 3,
  scoring: 'softmax',
  logitScale: 100,
  logitBias: 0,
}
export const MODEL_ID = 7

/** What happened, in order: `download a-0`, `encode 2`, `write 2`. */
export type Events = string[]

/** Keeps outcomes as the port promises: a photo is embedded or failed, and writing twice changes nothing. */
export class FakeRepository {
  readonly embedded = new Map<string, { embedding: Float32Array; storedKey: string | null }>()
  readonly failures = new Map<string, Failure>()
  readonly outcomes: BatchOutcome[] = []
  /** Rejects so many writes first, with this error. */
  failingWrites = 0
  writeError: Error = new Error('a deadlock')
  /** While it is set every call rejects with it, like a database that is away. */
  away: Error | undefined

  constructor(private readonly events: Events = []) {}

  async registerModel(): Promise<number> {
    return MODEL_ID
  }

  async photoStates(modelId: number, photoIds: readonly string[]): Promise<PhotoStates> {
    if (this.away) throw this.away
    if (modelId !== MODEL_ID) throw new Error(`no model ${modelId}`)
    return {
      embedded: new Set(photoIds.filter(id => this.embedded.has(id))),
      failed: new Set(photoIds.filter(id => this.failures.has(id))),
    }
  }

  async embeddedVersions(): Promise<Map<string, EmbeddedVersion>> {
    return new Map()
  }

  async recordOutcome(outcome: BatchOutcome): Promise<void> {
    if (this.away) throw this.away
    if (this.failingWrites-- > 0) throw this.writeError
    this.events.push(`write ${outcome.embedded.length}`)
    this.outcomes.push(outcome)
    for (const { photoId, embedding, storedKey } of outcome.embedded) {
      this.embedded.set(photoId, { embedding, storedKey })
      this.failures.delete(photoId)
    }
    for (const failure of outcome.failures)
      if (!this.embedded.has(failure.photoId)) this.failures.set(failure.photoId, failure)
  }
}

/** Runs that are all active until a test says otherwise. */
export class FakeRuns {
  control: RunControl = 'active'
  readonly setAsideIds: string[] = []
  readonly givenUp: { parentId: string; code: string; message: string }[] = []
  readonly reports: WorkerReport[] = []
  readonly left: string[] = []
  /** Of every run. */
  sets: LabelSet[] = []

  async controlOfBatch(): Promise<RunControl> {
    return this.control
  }

  async setAside(batch: Batch): Promise<RunControl> {
    if (this.control !== 'active') this.setAsideIds.push(batch.id)
    return this.control
  }

  async giveUp(parentId: string, code: string, message: string): Promise<void> {
    this.givenUp.push({ parentId, code, message })
  }

  async labelSets(): Promise<LabelSet[]> {
    return this.sets
  }

  async report(worker: WorkerReport): Promise<void> {
    this.reports.push(worker)
  }

  async leave(workerId: string): Promise<void> {
    this.left.push(workerId)
  }
}

/** One model, with one encoder. */
export function oneModel(encoder: Encoder): EncoderSource {
  return {
    identify: async key => {
      if (key !== 'test@fp32') throw new AppError('MODEL_UNKNOWN', `no model ${key}`)
      return encoder.model
    },
    open: async () => encoder,
  }
}

/** Nothing is ever away. */
export const ALL_WELL: Record<Service, Probe> = {
  database: async () => {},
  queue: async () => {},
  store: async () => {},
  network: async () => {},
}

export class FakeLabels {
  readonly saved: { set: LabelSet; embeddings: readonly Float32Array[] }[] = []
  readonly relabelled: string[] = []
  failingLookups = 0

  async hasPrompts(_modelId: number, set: LabelSet): Promise<boolean> {
    if (this.failingLookups-- > 0) throw new Error('a deadlock')
    return this.saved.some(saved => JSON.stringify(saved.set) === JSON.stringify(set))
  }

  async savePrompts(_modelId: number, set: LabelSet, embeddings: readonly Float32Array[]): Promise<boolean> {
    const isNew = !this.saved.some(saved => saved.set.name === set.name)
    this.saved.push({ set, embeddings })
    return isNew
  }

  async labelPhotos(_modelId: number, setName: string): Promise<number> {
    this.relabelled.push(setName)
    return 0
  }
}

/** A queue that only keeps what it is given. */
export class FakeQueue {
  readonly added: { batch: Batch; delayMs: number }[] = []
  readonly failed = new Set<string>()
  /** While it is set, adding rejects with it. */
  away: Error | undefined

  async add(batches: readonly Batch[], { delayMs = 0 } = {}): Promise<void> {
    if (this.away) throw this.away
    for (const batch of batches) if ((await this.state(batch.id)) === 'absent') this.added.push({ batch, delayMs })
  }

  async state(batchId: string): Promise<BatchState> {
    if (this.failed.has(batchId)) return 'failed'
    return this.added.some(({ batch }) => batch.id === batchId) ? 'delayed' : 'absent'
  }

  async remove(batchIds: readonly string[]): Promise<string[]> {
    return batchIds.filter(id => this.failed.delete(id))
  }
}

/** The embedding of an image is the direction of its mean colour. A black image has none: ENCODE_FAILED. */
export class FakeEncoder implements Encoder {
  hasTexts = true
  readonly model = MODEL
  readonly input = clipInput(2)
  readonly calls: number[] = []
  /** Encoding waits for it. */
  breaker: Promise<void> | undefined

  constructor(private readonly events: Events = []) {}

  async encodeImages(images: readonly Uint8Array[]): Promise<Float32Array[]> {
    this.calls.push(images.length)
    this.events.push(`encode ${images.length}`)
    await this.breaker
    return images.map(meanColour)
  }

  async encodeTexts(texts: readonly string[]): Promise<Float32Array[]> {
    return texts.map(text => normalise([text.length, 1, 0]))
  }

  async close(): Promise<void> {}
}

export function meanColour(image: Uint8Array): Float32Array {
  const sums = [0, 0, 0]
  for (let i = 0; i < image.length; i++) sums[i % 3]! += image[i]!
  if (sums.every(sum => sum === 0)) throw new PhotoError('ENCODE_FAILED', 'the embedding is not finite')
  return normalise(sums)
}

/** What the image servers of a test answer: a colour, or failures to go through first, one a download. */
export class FakeImages implements ImagePipeline {
  readonly downloads: string[] = []
  inFlight = 0
  mostInFlight = 0
  decoding = 0
  mostDecoding = 0
  /** Called within every download; may wait or throw. */
  onDownload: (photo: PhotoRef, signal: AbortSignal) => Promise<void> = async () => {}
  storing = 0
  onStore: (photoId: string) => Promise<void> = async () => {}
  onDecode: () => Promise<void> = async () => {}
  readonly #answers = new Map<string, (PhotoError | Error)[]>()
  readonly #colours = new Map<string, [number, number, number]>()

  constructor(private readonly events: Events = []) {}

  /** The next downloads of a photo fail so, one after the other; then it answers. */
  fails(photoId: string, ...errors: (PhotoError | Error | PhotoFailureCode)[]): this {
    this.#answers.set(
      photoId,
      errors.map(e => (e instanceof Error ? e : new PhotoError(e, `made to fail with ${e}`))),
    )
    return this
  }

  colour(photoId: string, rgb: [number, number, number]): this {
    this.#colours.set(photoId, rgb)
    return this
  }

  /** Hosts that are paused, by their names. */
  readonly paused = new Map<string, HostPausedError>()

  pausedFor({ url }: Pick<PhotoRef, 'url'>): HostPausedError | null {
    return this.paused.get(new URL(url).host) ?? null
  }

  pausedHosts(): HostPausedError[] {
    return [...this.paused.values()]
  }

  async readMetadata(): Promise<null> {
    return null
  }

  async download(photo: PhotoRef, signal: AbortSignal, permit: Permit): Promise<Downloaded> {
    const pause = this.pausedFor(photo)
    if (pause !== null) throw pause
    await permit.take(signal)
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight)
    this.downloads.push(photo.id)
    this.events.push(`download ${photo.id}`)
    try {
      await this.onDownload(photo, signal)
      const error = this.#answers.get(photo.id)?.shift()
      if (error) throw error
      return { image: Buffer.from(this.#colours.get(photo.id) ?? [200, 100, 50]), version: null }
    } catch (error) {
      this.inFlight--
      throw error
    }
  }

  copyKey(photoId: string): string {
    return `copies/${photoId}.jpg`
  }

  async storeCopy(_source: Buffer | Preview, photoId: string): Promise<string> {
    this.storing++
    try {
      await this.onStore(photoId)
      return `copies/${photoId}.jpg`
    } finally {
      this.storing--
    }
  }

  async decode(image: Buffer): Promise<DecodedPhoto> {
    this.mostDecoding = Math.max(this.mostDecoding, ++this.decoding)
    try {
      await this.onDecode()
      return { square: new Uint8Array([...image, ...image, ...image, ...image]) }
    } finally {
      this.decoding--
      this.inFlight--
    }
  }

  /** Whoever looks at them now sees another photo. */
  release(pixels: Uint8Array): void {
    pixels.fill(0)
  }
}
