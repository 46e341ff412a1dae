import type { PhotoFailureCode } from '../../domain/errors.js'
import type { ModelIdentity } from '../../domain/model.js'
import type { Photo, PhotoRef, StoredPhotoRef } from '../../domain/photo.js'
import { copyUrl } from '../../domain/places/copy-key.js'
import type { Validators } from '../../domain/places/photo-version.js'
import type {
  BatchOutcome,
  Embedded,
  EmbeddedVersion,
  FailureGroup,
  IngestRepository,
  ModelId,
  NewBatch,
  NewRun,
  PhotoStates,
  RefusedRow,
  Run,
  Totals,
} from '../../domain/ports/repository.js'
import type { Database } from '../connection.js'
import { pagesById } from '../keyset-pages.js'
import { toHalfvecText } from '../vector.js'
import * as sql from './ingest-sql.js'
import { storable, toColumns, UPSERT_PHOTOS } from './photo-rows.js'
import { writeAllButRefused } from './refused-rows.js'

interface ModelRow extends Record<string, unknown>, ModelIdentity {
  id: ModelId
}

interface VersionRow extends Record<string, unknown>, Validators {
  photoId: string
  hasCopy: boolean
  urlHash: string | null
  digest: string | null
}

/** IngestRepository on Postgres. Its larger transactions are functions in `migrations/`. */
export class PostgresIngestRepository implements IngestRepository {
  constructor(private readonly database: Database) {}

  /**
   * @throws AppError MODEL_INVALID when the same name, precision and revision exist with another dimension or scoring
   */
  async registerModel(model: ModelIdentity): Promise<ModelId> {
    const { name, precision, revision, dimension, scoring, logitScale, logitBias } = model
    const [row] = await this.database.query<{ id: ModelId }>(sql.REGISTER_MODEL, [
      name,
      precision,
      revision,
      dimension,
      logitScale,
      scoring,
      logitBias,
    ])
    return row!.id
  }

  /** @param key `name@precision`; without precision, the newest precision. With several revisions, the newest. */
  async findModel(key: string): Promise<{ id: ModelId; identity: ModelIdentity } | null> {
    const [name, precision = null] = key.split('@')
    return toModel(await this.database.query<ModelRow>(sql.FIND_MODEL, [name, precision]))
  }

  async latestModel(): Promise<{ id: ModelId; identity: ModelIdentity } | null> {
    return toModel(await this.database.query<ModelRow>(sql.LATEST_MODEL))
  }

  async upsertPhotos(photos: readonly Photo[]): Promise<RefusedRow[]> {
    const { refused } = await writeAllButRefused(photos, async some => {
      await this.database.query(UPSERT_PHOTOS, toColumns(some))
      return some.length
    })
    return refused
  }

  async photoStates(modelId: ModelId, photoIds: readonly string[], refreshOf?: string): Promise<PhotoStates> {
    const rows = await this.database.query<{ photo_id: string; embedded: boolean }>(
      refreshOf === undefined ? sql.PHOTO_STATES : sql.REFRESH_STATES,
      refreshOf === undefined ? [modelId, photoIds] : [modelId, photoIds, refreshOf],
    )
    const of = (embedded: boolean) => new Set(rows.filter(row => row.embedded === embedded).map(row => row.photo_id))
    return { embedded: of(true), failed: of(false) }
  }

  async embeddedVersions(modelId: ModelId, photoIds: readonly string[]): Promise<Map<string, EmbeddedVersion>> {
    const rows = await this.database.query<VersionRow>(sql.EMBEDDED_VERSIONS, [modelId, photoIds])
    return new Map(
      rows.map(({ photoId, hasCopy, urlHash, digest, etag, lastModified, length }) => [
        photoId,
        {
          hasCopy,
          version: urlHash && digest ? { urlHash, digest, etag, lastModified, length: length && +length } : null,
        },
      ]),
    )
  }

  async createRun(run: NewRun): Promise<void> {
    await this.database.query(sql.CREATE_RUN, [
      run.id,
      run.modelId,
      storable(run.source),
      JSON.stringify(run.options),
      run.priority ?? 'normal',
      JSON.stringify(run.labelSets ?? []),
    ])
  }

  async finishEnqueue(runId: string): Promise<void> {
    await this.database.query(sql.FINISH_ENQUEUE, [runId])
  }

  /**
   * Moves an unsettled batch of an earlier run to the run that asks for it now, so that the totals of that run match
   * the work that it waits for.
   */
  async addBatches(batches: readonly NewBatch[]): Promise<Set<string>> {
    if (batches.length === 0) return new Set()
    const rows = await this.database.query<{ id: string }>(sql.ADD_BATCHES, [
      JSON.stringify(
        batches.map(({ id, runId, kind, photoIds }) => ({
          id,
          run_id: runId,
          kind,
          photo_ids: [...new Set(photoIds)],
        })),
      ),
    ])
    return new Set(rows.map(row => row.id))
  }

  async recordOutcome({
    parentId,
    modelId,
    embedded,
    failures,
    unchanged = [],
    labelSets,
    possibleCopies = {},
  }: BatchOutcome): Promise<void> {
    await this.database.query(sql.RECORD_OUTCOME, [
      parentId,
      modelId,
      embedded.map(photo => photo.photoId),
      embedded.map(photo => toHalfvecText(photo.embedding)),
      embedded.map(photo => photo.storedKey),
      failures.map(failure => failure.photoId),
      failures.map(failure => failure.code),
      failures.map(failure => storable(failure.message)),
      failures.map(failure => failure.attempts),
      labelSets,
      metadataJson(embedded),
      JSON.stringify(possibleCopies),
      unchanged.map(photo => photo.photoId),
      versionsJson([...embedded, ...unchanged]),
    ])
  }

  async run(runId: string): Promise<Run | null> {
    const [run] = await this.database.query<Run & Record<string, unknown>>(sql.RUN, [runId])
    return run ?? null
  }

  async runs(limit: number, { withEmpty = true }: { withEmpty?: boolean } = {}): Promise<Run[]> {
    return this.database.query<Run & Record<string, unknown>>(sql.RUNS, [limit, withEmpty])
  }

  async totals(modelId: ModelId): Promise<Totals> {
    const [row] = await this.database.query<Totals & Record<string, unknown>>(sql.TOTALS, [modelId])
    return row!
  }

  async failureGroups(modelId: ModelId): Promise<FailureGroup[]> {
    return this.database.query<FailureGroup & Record<string, unknown>>(sql.FAILURE_GROUPS, [modelId])
  }

  missingPhotos(modelId: ModelId, pageSize: number): AsyncIterable<StoredPhotoRef[]> {
    return pagesById(
      after =>
        this.database.query<StoredPhotoRef & Record<string, unknown>>(sql.MISSING_PHOTOS, [modelId, after, pageSize]),
      pageSize,
    )
  }

  copiedPhotos(modelId: ModelId, pageSize: number): AsyncIterable<PhotoRef[]> {
    return this.#copies(sql.COPIED_PHOTOS, pageSize, after => [modelId, after, pageSize])
  }

  failedCopies(modelId: ModelId, code: PhotoFailureCode | undefined, pageSize: number): AsyncIterable<PhotoRef[]> {
    return this.#copies(sql.FAILED_COPIES, pageSize, after => [modelId, after, pageSize, code ?? null])
  }

  async *#copies(statement: string, pageSize: number, values: (after: string) => unknown[]): AsyncIterable<PhotoRef[]> {
    const fetch = (after: string) => this.database.query<{ id: string; key: string }>(statement, values(after))
    for await (const page of pagesById(fetch, pageSize)) yield page.map(({ id, key }) => ({ id, url: copyUrl(key) }))
  }

  failedPhotos(
    modelId: ModelId,
    code: PhotoFailureCode | undefined,
    pageSize: number,
    ofRun?: string,
  ): AsyncIterable<StoredPhotoRef[]> {
    return pagesById(
      after =>
        this.database.query<StoredPhotoRef & Record<string, unknown>>(sql.FAILED_PHOTOS, [
          modelId,
          code ?? null,
          after,
          pageSize,
          ofRun ?? null,
        ]),
      pageSize,
    )
  }

  async hasTemplates(): Promise<boolean> {
    const [row] = await this.database.query<{ has: boolean }>(sql.HAS_TEMPLATES)
    return row!.has
  }

  async rememberTemplate(photoIds: readonly string[], template: string | null): Promise<void> {
    await this.database.query(sql.REMEMBER_TEMPLATE, [photoIds, template])
  }

  async clearFailures(modelId: ModelId, photoIds: readonly string[]): Promise<void> {
    await this.database.query(sql.CLEAR_FAILURES, [modelId, photoIds])
  }
}

/** Null where no file said anything, as in runs of the dataset. */
function metadataJson(embedded: readonly Embedded[]): string | null {
  const found = embedded.flatMap(({ photoId, metadata }) =>
    metadata ? [{ photo_id: photoId, ...metadata.columns, keywords: metadata.keywords }] : [],
  )
  return found.length > 0 ? JSON.stringify(found) : null
}

function versionsJson(photos: readonly Pick<Embedded, 'photoId' | 'version'>[]): string | null {
  const known = photos.flatMap(({ photoId, version }) =>
    version
      ? [
          {
            ...{ photo_id: photoId, url_hash: version.urlHash, etag: version.etag },
            ...{ last_modified: version.lastModified, length: version.length, digest: version.digest },
          },
        ]
      : [],
  )
  return known.length > 0 ? JSON.stringify(known) : null
}

function toModel([row]: ModelRow[]): { id: ModelId; identity: ModelIdentity } | null {
  if (row === undefined) return null
  const { id, ...identity } = row
  return { id, identity }
}
