import pLimit from 'p-limit'
import { AppError } from '../../domain/errors.js'
import { type ModelIdentity, modelKey } from '../../domain/model.js'
import type { Encoder } from '../../domain/ports/encoder.js'
import type { Batch } from '../../domain/ports/queue.js'
import type { IngestRepository, ModelId } from '../../domain/ports/repository.js'

/** Encoders loaded at once. Each costs a model's memory; two are enough for two runs with different models. */
const MAX_LOADED = 2

/** Opens encoders by model key. */
export interface EncoderSource {
  /** Identity of the model; loads nothing. @throws AppError MODEL_UNKNOWN, MODEL_NOT_FOUND */
  identify(key: string): Promise<ModelIdentity>
  /** Fetches missing files and opens the encoder. The caller closes it. @throws AppError, see `ensureModelFiles` */
  open(key: string, signal: AbortSignal): Promise<Encoder>
}

/** An encoder that stays loaded until its lease is released. */
export interface EncoderLease {
  readonly encoder: Encoder
  release(): void
}

/** This worker has files of another revision. The batch goes back to the queue for a worker with the right ones. */
export class OtherRevisionError extends AppError {}

interface PooledEncoder {
  encoder: Promise<Encoder>
  leases: number
}

/**
 * The encoders of a worker, by model and pinned revision. Evicts the least recently used encoder that is not leased.
 */
export class EncoderPool {
  /** By model and revision, least recently used first. */
  readonly #pool = new Map<string, PooledEncoder>()
  readonly #identities = new Map<string, ModelIdentity>()
  /** Serialises evictions. */
  readonly #makingRoom = pLimit(1)
  #onRelease: (() => void) | undefined

  constructor(
    private readonly models: EncoderSource,
    private readonly repository: Pick<IngestRepository, 'registerModel'>,
  ) {}

  /** Loads a model before the first batch, so that errors show at the start. */
  async preload(key: string, signal: AbortSignal): Promise<Pick<Encoder, 'model' | 'hasTexts'>> {
    const { revision } = await this.models.identify(key)
    const { encoder, release } = await this.acquire({ id: 'none', model: key, revision }, signal)
    release()
    return encoder
  }

  /**
   * The model's row id. Asked for with every batch: a retired model that is ingested again gets another row.
   * @throws AppError MODEL_UNKNOWN, MODEL_NOT_FOUND; WORKER_FAILED when the files here are of another revision
   */
  async modelId(batch: Pick<Batch, 'id' | 'model' | 'revision'>): Promise<ModelId> {
    return this.repository.registerModel(await this.#identify(batch))
  }

  /** Leases the encoder of a batch's model. Waits for a lease to be released where the pool is full. */
  async acquire(batch: Pick<Batch, 'id' | 'model' | 'revision'>, signal: AbortSignal): Promise<EncoderLease> {
    await this.#identify(batch)
    // While a batch waits for room, batches with loaded models queue behind it: they must not overtake it forever.
    const loaded = this.#onRelease === undefined ? this.#pool.get(poolKey(batch)) : undefined
    const pooled = loaded ? this.#use(batch, loaded) : await this.#makingRoom(() => this.#load(batch, signal))
    const release = () => {
      pooled.leases--
      this.#onRelease?.()
    }
    try {
      const encoder = await pooled.encoder
      if (encoder.model.revision !== batch.revision) throw otherRevision(batch, encoder.model)
      return { encoder, release }
    } catch (error) {
      release()
      if (this.#pool.get(poolKey(batch)) === pooled) {
        this.#pool.delete(poolKey(batch))
        await closeEncoder(pooled)
      }
      throw error
    }
  }

  async close(): Promise<void> {
    const all = [...this.#pool.values()]
    this.#pool.clear()
    await Promise.all(all.map(closeEncoder))
  }

  /** Identifies the model again when the revision differs: its files may have been replaced. */
  async #identify({ id, model, revision }: Pick<Batch, 'id' | 'model' | 'revision'>): Promise<ModelIdentity> {
    const known = this.#identities.get(model)
    const identity = known?.revision === revision ? known : await this.models.identify(model)
    this.#identities.set(model, identity)
    if (identity.revision !== revision || modelKey(identity) !== model)
      throw otherRevision({ id, model, revision }, identity)
    return identity
  }

  async #load(batch: Pick<Batch, 'id' | 'model' | 'revision'>, signal: AbortSignal): Promise<PooledEncoder> {
    const loaded = this.#pool.get(poolKey(batch))
    if (loaded) return this.#use(batch, loaded)
    while (this.#pool.size >= MAX_LOADED) await this.#evictOne(signal)
    const pooled = { encoder: this.models.open(batch.model, signal), leases: 0 }
    // Holders of the lease receive the error.
    pooled.encoder.catch(() => {})
    return this.#use(batch, pooled)
  }

  #use(batch: Pick<Batch, 'model' | 'revision'>, pooled: PooledEncoder): PooledEncoder {
    pooled.leases++
    this.#pool.delete(poolKey(batch))
    this.#pool.set(poolKey(batch), pooled)
    return pooled
  }

  async #evictOne(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const idle = [...this.#pool].find(([, { leases }]) => leases === 0)
    if (idle) {
      this.#pool.delete(idle[0])
      await closeEncoder(idle[1])
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

function poolKey({ model, revision }: Pick<Batch, 'model' | 'revision'>): string {
  return `${model} ${revision}`
}

async function closeEncoder({ encoder }: PooledEncoder): Promise<void> {
  const opened = await encoder.catch(() => null)
  await opened?.close()
}

function otherRevision(batch: Pick<Batch, 'id' | 'model' | 'revision'>, found: ModelIdentity): OtherRevisionError {
  return new OtherRevisionError(
    'WORKER_FAILED',
    `Batch ${batch.id} was made for ${batch.model}, revision ${batch.revision}; the files of this worker are ${modelKey(found)}, ` +
      `revision ${found.revision}. Start a worker of the version that the run was started with, or cancel the run and ` +
      'ingest again, so that all of it is embedded with the new files.',
  )
}
