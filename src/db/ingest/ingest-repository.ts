import type { PhotoFailureCode } from '../../domain/errors.js'
import type { ModelIdentity } from '../../domain/model.js'
import type { Photo, PhotoRef } from '../../domain/photo.js'
import type {
  BatchOutcome,
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

  async photoStates(modelId: ModelId, photoIds: readonly string[]): Promise<PhotoStates> {
    const rows = await this.database.query<{ photo_id: string; embedded: boolean }>(sql.PHOTO_STATES, [
      modelId,
      photoIds,
    ])
    const of = (embedded: boolean) => new Set(rows.filter(row => row.embedded === embedded).map(row => row.photo_id))
    return { embedded: of(true), failed: of(false) }
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
        batches.map(({ id, runId, photoIds }) => ({ id, run_id: runId, photo_ids: [...new Set(photoIds)] })),
      ),
    ])
    return new Set(rows.map(row => row.id))
  }

  async recordOutcome({ parentId, modelId, embedded, failures, labelSets }: BatchOutcome): Promise<void> {
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

  missingPhotos(modelId: ModelId, pageSize: number): AsyncIterable<PhotoRef[]> {
    return pagesById(
      after => this.database.query<PhotoRef & Record<string, unknown>>(sql.MISSING_PHOTOS, [modelId, after, pageSize]),
      pageSize,
    )
  }

  failedPhotos(modelId: ModelId, code: PhotoFailureCode | undefined, pageSize: number): AsyncIterable<PhotoRef[]> {
    return pagesById(
      after =>
        this.database.query<PhotoRef & Record<string, unknown>>(sql.FAILED_PHOTOS, [
          modelId,
          code ?? null,
          after,
          pageSize,
        ]),
      pageSize,
    )
  }

  async clearFailures(modelId: ModelId, photoIds: readonly string[]): Promise<void> {
    await this.database.query(sql.CLEAR_FAILURES, [modelId, photoIds])
  }
}

function toModel([row]: ModelRow[]): { id: ModelId; identity: ModelIdentity } | null {
  if (row === undefined) return null
  const { id, ...identity } = row
  return { id, identity }
}
