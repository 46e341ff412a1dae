import type { ModelIdentity } from '../../domain/model.js'
import { modelKey } from '../../domain/model.js'
import type { Encoder } from '../../domain/ports/encoder.js'
import { traced } from '../../domain/tracing/spans.js'
import type { HttpParts } from '../../http/parts.js'
import { JpegThreads } from '../../images/jpeg-threads.js'
import { MAX_PIXELS_IN_MEMORY, PixelBudget } from '../../images/pixel-budget.js'
import { HealthMonitor } from '../../metrics/health.js'
import { HealthMetrics } from '../../metrics/health-metrics.js'
import { PhotoSearch } from '../../search/photo-search.js'
import { type EncoderLease, EncoderPool } from '../../workers/delivery/encoder-pool.js'
import type { Context } from '../context.js'
import { openEncoderOf } from '../models/model-files.js'
import { readImage } from '../options/image-argument.js'
import { removalDeps } from '../removal/removal-deps.js'
import { openIngestion } from './ingestion.js'
import { RecentIdentities } from './recent-identities.js'

/** Opens what the API answers from. The caller closes it, and then the application. */
export async function openHttpParts(context: Context): Promise<{ parts: HttpParts; close(): Promise<void> }> {
  const { app, signal } = context
  const { config } = app
  app.database.failSoon()
  const repositories = await app.repositories()
  await app.database.keepAlive()
  const identities = new RecentIdentities(key => app.models.identify(key))
  const encoders = new EncoderPool(
    { identify: key => app.models.identify(key), open: (key, stop) => openEncoderOf(context, key, stop) },
    repositories.ingest,
  )
  const threads = new JpegThreads()
  const images = {
    maxPixels: config.MAX_IMAGE_PIXELS,
    mode: config.PREPROCESS,
    jpegDecoder: config.JPEG_DECODER,
    threads,
    budget: new PixelBudget(MAX_PIXELS_IN_MEMORY),
  }
  const health = new HealthMonitor(() => ({ phase: signal.aborted ? 'stopping' : 'working' }), {
    database: () => repositories.models.chosen(),
  })
  let ingestion: ReturnType<typeof openIngestion> | undefined
  const readiness = new HealthMetrics(() => health.ready())
  return {
    parts: {
      keys: repositories.keys,
      search: new PhotoSearch({
        repositories,
        models: {
          resolve: key => app.models.resolve(key),
          identify: key => identities.of(key),
          encoder: async key => {
            const { input, text } = app.models.resolve(key)
            const identity = await identities.of(key)
            return new PooledEncoder(encoders, identity, input, text !== undefined, signal)
          },
        },
        defaultModel: config.MODEL,
        images,
        // Readers must not fill the database.
        storesWords: false,
      }),
      models: repositories.models,
      projections: repositories.projections,
      ingest: repositories.ingest,
      runs: repositories.runs,
      removal: removalDeps(app, repositories.removals),
      ingestion: () => {
        // One that fails is tried again by the next request.
        ingestion ??= openIngestion(context).catch(error => {
          ingestion = undefined
          throw error
        })
        return ingestion
      },
      queue: () => app.queue(),
      board: config.REDIS_URL === undefined ? null : () => app.queueBoard(),
      store: () => app.store(),
      signedCopies: await app.signedCopies(),
      fetchPicture: (url, stop) => readImage({ app, signal: stop }, url),
      images,
      snapshots: async () => [await readiness.snapshot()],
      live: () => health.live(),
      ready: () => health.ready(),
      logger: await app.logger(),
    },
    async close() {
      await (await ingestion?.catch(() => undefined))?.close()
      await encoders.close()
      await threads.close()
    },
  }
}

/** An encoder of the pool, leased for each call: two models stay loaded. */
class PooledEncoder implements Encoder {
  constructor(
    private readonly pool: EncoderPool,
    readonly model: ModelIdentity,
    readonly input: Encoder['input'],
    readonly hasTexts: boolean,
    /** Of the process: a client that leaves must not end the loading that others wait for. */
    private readonly signal: AbortSignal,
  ) {}

  encodeImages(images: readonly Uint8Array[]): Promise<Float32Array[]> {
    return this.#leased(({ encoder }) => encoder.encodeImages(images))
  }

  encodeTexts(texts: readonly string[]): Promise<Float32Array[]> {
    return this.#leased(({ encoder }) => encoder.encodeTexts(texts))
  }

  async close(): Promise<void> {}

  async #leased<T>(work: (lease: EncoderLease) => Promise<T>): Promise<T> {
    const { revision } = this.model
    const lease = await this.pool.acquire({ id: 'none', model: modelKey(this.model), revision }, this.signal)
    try {
      return await traced('encode', { isPart: true }, () => work(lease))
    } finally {
      lease.release()
    }
  }
}
