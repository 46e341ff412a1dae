import pLimit from 'p-limit'
import { AppError } from '../domain/errors.js'
import { type ModelIdentity, modelKey } from '../domain/model.js'
import type { Encoder } from '../domain/ports/encoder.js'
import type { Batch } from '../domain/ports/queue.js'
import type { IngestRepository, ModelId } from '../domain/ports/repository.js'

/** Loaded at the same time. One more is as much memory again; two runs with different models share a worker well. */
const MAX_LOADED = 2

/** Where encoders come from. */
export interface Models {
  /** Who makes the vectors; loads nothing. @throws AppError MODEL_UNKNOWN, MODEL_NOT_FOUND */
  identify(key: string): Promise<ModelIdentity>
  /** With its files fetched if need be; whoever asked for it closes it. @throws AppError, see `ensureModelFiles` */
  open(key: string, signal: AbortSignal): Promise<Encoder>
}

/** An encoder that stays loaded until it is released. */
export interface LoanedEncoder {
  readonly encoder: Encoder
  release(): void
}

/** The batch goes back to the queue, where a worker with the right files may take it. */
export class OtherRevision extends AppError {}

interface Slot {
  encoder: Promise<Encoder>
  loans: number
}

/**
 * The encoders of a worker: of the model that each batch was pinned to, and of no other. The one that was used last the
 * longest ago makes room for another.
 */
export class Encoders {
  /** By model and revision, the one used last at the end. */
  readonly #slots = new Map<string, Slot>()
  readonly #identities = new Map<string, ModelIdentity>()
  /** Who makes room, one after the other. */
  readonly #makingRoom = pLimit(1)
  #onRelease: (() => void) | undefined

  constructor(
    private readonly models: Models,
    private readonly repository: Pick<IngestRepository, 'registerModel'>,
  ) {}

  /** Loads a model before any batch asks for it, so that what is wrong with it is known at the start. */
  async preload(key: string, signal: AbortSignal): Promise<Pick<Encoder, 'model' | 'hasTexts'>> {
    const { revision } = await this.models.identify(key)
    const { encoder, release } = await this.borrow({ id: 'none', model: key, revision }, signal)
    release()
    return encoder
  }

  /**
   * The row of a batch's model. Asked for with every batch: a model that was retired and is ingested again has another.
   * @throws AppError MODEL_UNKNOWN, MODEL_NOT_FOUND; WORKER_FAILED when the files here are of another revision
   */
  async modelId(batch: Pick<Batch, 'id' | 'model' | 'revision'>): Promise<ModelId> {
    return this.repository.registerModel(await this.#identify(batch))
  }

  /** The encoder of a batch's model; it waits for one that is in use to be released where there is no room. */
  async borrow(batch: Pick<Batch, 'id' | 'model' | 'revision'>, signal: AbortSignal): Promise<LoanedEncoder> {
    await this.#identify(batch)
    // Whoever waits for room is not to be overtaken for ever by those who need none.
    const loaded = this.#onRelease === undefined ? this.#slots.get(slotKey(batch)) : undefined
    const slot = loaded ? this.#use(batch, loaded) : await this.#makingRoom(() => this.#load(batch, signal))
    const release = () => {
      slot.loans--
      this.#onRelease?.()
    }
    try {
      const encoder = await slot.encoder
      if (encoder.model.revision !== batch.revision) throw anotherRevision(batch, encoder.model)
      return { encoder, release }
    } catch (error) {
      release()
      if (this.#slots.get(slotKey(batch)) === slot) {
        this.#slots.delete(slotKey(batch))
        await closeSlot(slot)
      }
      throw error
    }
  }

  async close(): Promise<void> {
    const slots = [...this.#slots.values()]
    this.#slots.clear()
    await Promise.all(slots.map(closeSlot))
  }

  /** Asked again when it seems to be another revision: its files may have been replaced since. */
  async #identify({ id, model, revision }: Pick<Batch, 'id' | 'model' | 'revision'>): Promise<ModelIdentity> {
    const known = this.#identities.get(model)
    const identity = known?.revision === revision ? known : await this.models.identify(model)
    this.#identities.set(model, identity)
    if (identity.revision !== revision || modelKey(identity) !== model)
      throw anotherRevision({ id, model, revision }, identity)
    return identity
  }

  async #load(batch: Pick<Batch, 'id' | 'model' | 'revision'>, signal: AbortSignal): Promise<Slot> {
    const loaded = this.#slots.get(slotKey(batch))
    if (loaded) return this.#use(batch, loaded)
    while (this.#slots.size >= MAX_LOADED) await this.#evictOne(signal)
    const slot = { encoder: this.models.open(batch.model, signal), loans: 0 }
    // Whoever borrows it is told.
    slot.encoder.catch(() => {})
    return this.#use(batch, slot)
  }

  #use(batch: Pick<Batch, 'model' | 'revision'>, slot: Slot): Slot {
    slot.loans++
    this.#slots.delete(slotKey(batch))
    this.#slots.set(slotKey(batch), slot)
    return slot
  }

  async #evictOne(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const idle = [...this.#slots].find(([, { loans }]) => loans === 0)
    if (idle) {
      this.#slots.delete(idle[0])
      await closeSlot(idle[1])
      return
    }
    await new Promise<void>((resolve, reject) => {
      const stop = () => reject(signal.reason)
      signal.addEventListener('abort', stop, { once: true })
      this.#onRelease = () => {
        signal.removeEventListener('abort', stop)
        resolve()
      }
    }).finally(() => {
      this.#onRelease = undefined
    })
  }
}

function slotKey({ model, revision }: Pick<Batch, 'model' | 'revision'>): string {
  return `${model} ${revision}`
}

async function closeSlot({ encoder }: Slot): Promise<void> {
  const opened = await encoder.catch(() => null)
  await opened?.close()
}

function anotherRevision(batch: Pick<Batch, 'id' | 'model' | 'revision'>, found: ModelIdentity): OtherRevision {
  return new OtherRevision(
    'WORKER_FAILED',
    `Batch ${batch.id} was made for ${batch.model}, revision ${batch.revision}; the files of this worker are ${modelKey(found)}, ` +
      `revision ${found.revision}. Start a worker of the version that the run was started with, or cancel the run and ` +
      'ingest again, so that all of it is embedded with the new files.',
  )
}
