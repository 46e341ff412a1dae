import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import sharp from 'sharp'
import { PostgresProjectionRepository } from '../../src/db/analysis/projection-repository.js'
import type { Database } from '../../src/db/connection.js'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import { PostgresRemovalRepository } from '../../src/db/ingest/removal-repository.js'
import { PostgresRunRepository } from '../../src/db/ingest/run-repository.js'
import { PostgresSubmissionRepository } from '../../src/db/ingest/submission-repository.js'
import { PostgresKeyRepository } from '../../src/db/key-repository.js'
import { PostgresLabelRepository } from '../../src/db/label-repository.js'
import { PostgresModelRepository } from '../../src/db/model-repository.js'
import { copyKey } from '../../src/domain/places/copy-key.js'
import type { ModelId } from '../../src/domain/ports/repository.js'
import type { HttpLimits, HttpOptions, HttpParts } from '../../src/http/parts.js'
import { type HttpServer, startHttpServer } from '../../src/http/server.js'
import { GuardedFetcher } from '../../src/net/fetch.js'
import { Submissions } from '../../src/producers/submission/submissions.js'
import { PhotoSearch } from '../../src/search/photo-search.js'
import { withImageErrors } from '../../src/search/query-image.js'
import { FolderStore } from '../../src/storage/folder-store.js'
import { aModel, aPhoto } from '../db/factories.js'
import { MemoryQueue } from '../producers/queueing/memory-queue.js'
import { DOG, NIGHT, SNOW, type TinyInstallation, tinyInstallation } from '../search/support.js'
import { NO_PLACES } from '../support/no-places.js'

export const VECTORS = {
  night: NIGHT,
  dog: DOG,
  'dog-at-night': Float32Array.of(Math.SQRT1_2, Math.SQRT1_2, 0, 0),
  snow: SNOW,
  'dog-in-snow': Float32Array.of(0, Math.SQRT1_2, Math.SQRT1_2, 0),
}
export const SET = { name: 'time', template: '{label}', labels: ['at night', 'snow'] }
const PLAN = {
  ...{ model: aModel(), labelSets: [], priority: 'normal' as const, photosPerJob: 2, maxWaiting: 8, store: true },
  options: {},
}
const COPY = { height: 512, quality: 65 }

export const LIMITS: HttpLimits = {
  maxBodyBytes: 1_000_000,
  maxBodiesBytes: 4_000_000,
  concurrency: 4,
  waiting: 100,
  timeoutMs: 60_000,
  pictureTimeoutMs: 10_000,
  requestsPerMinute: 0,
  wrongKeysPerMinute: 20,
}

export interface TestApi {
  server: HttpServer
  tiny: TinyInstallation
  database: Database
  store: FolderStore
  queue: MemoryQueue
  /** Lines of the log. */
  log: string[]
  /** @param path with the prefix of the API unless it is absolute: `/search?q=snow`, `http://…` */
  get(path: string, init?: RequestInit): Promise<Response>
  /** The body of a successful answer. */
  read(path: string): Promise<Record<string, never>>
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>
  close(): Promise<void>
}

export interface TestChanges {
  limits?: Partial<HttpLimits>
  options?: Partial<HttpOptions>
  parts?: Partial<HttpParts>
  allowHosts?: string[]
}

/** Five photos with labels and copies. */
export async function plantPhotos(database: Database, modelId: ModelId): Promise<FolderStore> {
  const store = new FolderStore(mkdtempSync(join(tmpdir(), 'uc-http-')))
  const ingest = new PostgresIngestRepository(database)
  await ingest.createRun({ id: 'run-1', modelId, source: 'photos.tsv', options: {} })
  await new PostgresLabelRepository(database).savePrompts(modelId, SET, [NIGHT, SNOW])
  const ids = Object.keys(VECTORS)
  await ingest.upsertPhotos(
    ids.map((id, i) =>
      aPhoto(id, { exif_iso: 100 * i, photo_description: id.replaceAll('-', ' '), photo_location_country: 'Norway' }),
    ),
  )
  const jpeg = await sharp({ create: { width: 768, height: 512, channels: 3, background: 'teal' } })
    .jpeg()
    .toBuffer()
  for (const id of ids) await store.put(copyKey(id, COPY), jpeg)
  await ingest.recordOutcome({
    parentId: 'none',
    modelId,
    embedded: Object.entries(VECTORS).map(([photoId, embedding]) => ({
      photoId,
      embedding,
      storedKey: copyKey(photoId, COPY),
    })),
    failures: [],
    labelSets: [SET.name],
  })
  return store
}

/** The API over a real port, with a model of three words. */
export async function startApi(
  database: Database,
  store: FolderStore,
  { limits, options, parts, allowHosts = [] }: TestChanges = {},
): Promise<TestApi> {
  const tiny = tinyInstallation(database)
  const log: string[] = []
  const fetcher = new GuardedFetcher({
    timeoutMs: 5000,
    maxBytes: 1_000_000,
    maxRedirects: 3,
    concurrency: 4,
    hostConcurrency: 4,
    allowHosts,
    userAgent: 'test',
  })
  const queue = new MemoryQueue()
  const removals = new PostgresRemovalRepository(database, 'test')
  const submissions = new Submissions(
    {
      repository: new PostgresIngestRepository(database),
      runs: new PostgresRunRepository(database),
      places: NO_PLACES,
      queue,
      removal: { removals, store: async () => store, copyKey: id => copyKey(id, COPY) },
    },
    new PostgresSubmissionRepository(database),
    () => {},
  )
  const well = async () => ({ ok: true, problems: {} })
  const server = await startHttpServer(
    {
      keys: new PostgresKeyRepository(database),
      search: new PhotoSearch({ ...tiny.parts, storesWords: false }),
      models: new PostgresModelRepository(database),
      projections: new PostgresProjectionRepository(database),
      ingest: new PostgresIngestRepository(database),
      runs: new PostgresRunRepository(database),
      removal: { removals, store: async () => store, copyKey: id => copyKey(id, COPY) },
      ingestion: async () => ({ submissions, plan: async () => PLAN }),
      queue: async () => queue,
      store: async () => store,
      signedCopies: null,
      board: null,
      fetchPicture: (url, signal) =>
        withImageErrors(url, async () => ({ name: url, bytes: (await fetcher.get(url, { signal })).body })),
      images: { maxPixels: 1_000_000, mode: 'exact' },
      snapshots: async () => [],
      live: well,
      ready: well,
      logger: pino({ level: 'info' }, { write: (line: string) => void log.push(line) }),
      ...parts,
    },
    { host: '127.0.0.1', port: 0, names: [], anonymous: 'admin', ...options, limits: { ...LIMITS, ...limits } },
  )
  const at = (path: string) => (path.startsWith('http') ? path : `${server.url}/api/v1${path}`)
  return {
    server,
    tiny,
    database,
    store,
    queue,
    log,
    get: (path, init) => fetch(at(path), init),
    async read(path) {
      const response = await fetch(at(path))
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
      return (await response.json()) as Record<string, never>
    },
    post: (path, body, headers = {}) =>
      fetch(at(path), {
        method: 'POST',
        body: body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
      }),
    async close() {
      await server.close()
      await submissions.close()
      await fetcher.close()
    },
  }
}

export function removeStore(store: FolderStore | undefined): void {
  if (store) rmSync(store.location, { recursive: true, force: true })
}
