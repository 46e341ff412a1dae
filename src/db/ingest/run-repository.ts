import { AppError } from '../../domain/errors.js'
import type { LabelSet } from '../../domain/labels.js'
import { copyUrl } from '../../domain/places/copy-key.js'
import type { Batch } from '../../domain/ports/queue.js'
import type { FailureGroup, ModelId } from '../../domain/ports/repository.js'
import type {
  BatchesProgress,
  FailedPhoto,
  GivenUpGroup,
  ParkedBatch,
  RefreshCount,
  RunControl,
  RunRepository,
  SeenWorker,
  UnfinishedBatch,
  WorkerReport,
} from '../../domain/ports/run-repository.js'
import { SECOND } from '../../domain/units.js'
import type { Database } from '../connection.js'
import { pagesById } from '../keyset-pages.js'
import { storable } from './photo-rows.js'

const CONTROL_OF_BATCH = 'select r.control from batches b join runs r on r.id = b.run_id where b.id = $1'
const CONTROL_OF_RUN = 'select control from runs where id = $1'
const SET_ASIDE = 'select set_aside($1, $2, $3::jsonb) as control'
const SET_CONTROL = 'select set_run_control($1, $2) as before'

// As text, because a Date loses the microseconds.
const PARKED = `
  select id, batch, parked_at::text as "parkedAt" from parked_batches where run_id = $1 and id > $2 order by id limit $3`
const UNPARK = `
  delete from parked_batches p using unnest($1::text[], $2::text[]) as seen (id, parked_at)
   where p.id = seen.id and p.parked_at = seen.parked_at::timestamptz`
const OPEN_BATCHES = 'select id from batches where run_id = $1 and settled_at is null and id > $2 order by id limit $3'

/** $5: the address of a copy without its key. */
const UNFINISHED = `
  select b.id, b.kind,
         json_agg(json_build_object(
           'id', p.photo_id, 'url', case when b.kind = 'copies' then $5 || coalesce(c.stored_key, '') else p.photo_image_url end,
           'template', case when b.kind = 'copies' then null else u.template end) order by wanted.position) as photos
    from (select id, photo_ids, case when $2::text is null then 'originals' else kind end as kind from batches
           where settled_at is null and id > $3
             and case when $2::text is null then model_id = $1 and kind <> 'refresh'
                      else run_id = $2 and given_up_at is null end
           order by id limit $4) as b
   cross join unnest(b.photo_ids) with ordinality as wanted (photo_id, position)
    join photos p on p.photo_id = wanted.photo_id
    left join photo_templates t on t.photo_id = p.photo_id left join url_templates u on u.id = t.template_id
    left join lateral (
      select e.stored_key from embeddings e
       where b.kind = 'copies' and e.photo_id = p.photo_id and e.stored_key is not null
       order by e.created_at desc limit 1) as c on true
   group by b.id, b.kind order by b.id`

const PROGRESS_OF = `
  select r.id as "runId", r.control, sum(b.photo_count) as photos, sum(b.done_count) as done,
         sum(b.failed_count) as failed, count(*) filter (where b.settled_at is null) as "openBatches",
         count(b.given_up_at) filter (where b.settled_at is null) as "givenUpBatches"
    from batches b join runs r on r.id = b.run_id
   where b.id = any ($1::text[])
   group by r.id order by r.position`

const FIND_RUNS = `
  select id from runs where starts_with(id, $1) and (id = $1 or not exists (select from runs where id = $1))
   order by position desc limit $2`
const OPTIONS_OF_RUN = 'select options from runs where id = $1'

const GIVE_UP = `
  update batches set given_up_at = now(), given_up_code = $2, given_up_message = $3 where id = $1 and settled_at is null`

const LABEL_SETS = `
  select distinct on (named.name) wanted.definition ->> 'name' as name, wanted.definition ->> 'template' as template,
         array(select jsonb_array_elements_text(wanted.definition -> 'labels')) as labels
    from runs mine
   cross join lateral (select element ->> 'name' as name from jsonb_array_elements(mine.label_sets) as element) as named
    join runs r on r.model_id = mine.model_id and r.position >= mine.position
   cross join lateral (
      select element as definition from jsonb_array_elements(r.label_sets) as element
       where element ->> 'name' = named.name) as wanted
   where mine.id = $1
   order by named.name, r.position desc`

const FAILURES_OF_RUN = `
  select f.code, count(*) as photos, min(f.photo_id) as "photoId", (array_agg(f.message order by f.photo_id))[1] as message,
         (select photo_image_url from photos p where p.photo_id = min(f.photo_id)) as url
    from batches b join runs r on r.id = b.run_id cross join unnest(b.photo_ids) as wanted (photo_id)
   cross join lateral (
      select photo_id, code, message from failures where model_id = b.model_id and photo_id = wanted.photo_id
      union all
      select photo_id, failure_code, failure_message from photo_versions
       where b.kind = 'refresh' and model_id = b.model_id and photo_id = wanted.photo_id and outcome = 'failed'
         and checked_at >= r.created_at) as f
   where b.run_id = $1 and b.failed_count > 0
   group by f.code order by count(*) desc, f.code`

const FAILED_PHOTOS_OF_RUN = `
  select distinct on (f.photo_id) f.photo_id as "photoId", f.code, f.message, f.attempts,
         p.photo_image_url as url
    from batches b join runs r on r.id = b.run_id cross join unnest(b.photo_ids) as wanted (photo_id)
   cross join lateral (
      select photo_id, code, message, attempts from failures where model_id = b.model_id and photo_id = wanted.photo_id
      union all
      select photo_id, failure_code, failure_message, null from photo_versions
       where b.kind = 'refresh' and model_id = b.model_id and photo_id = wanted.photo_id and outcome = 'failed'
         and checked_at >= r.created_at) as f
    join photos p on p.photo_id = f.photo_id
   where b.run_id = $1 and b.failed_count > 0 and wanted.photo_id > $2 and ($3::text is null or f.code = $3)
   order by f.photo_id limit $4`

const REFRESH_OF_RUN = `
  select v.outcome, v.failure_code as code, count(*) as photos
    from batches b join runs r on r.id = b.run_id cross join unnest(b.photo_ids) as wanted (photo_id)
    join photo_versions v on v.model_id = b.model_id and v.photo_id = wanted.photo_id and v.checked_at >= r.created_at
   where b.run_id = $1 and b.kind = 'refresh'
   group by v.outcome, v.failure_code order by count(*) desc, v.outcome, v.failure_code`

const GIVEN_UP_OF_RUN = `
  select given_up_code as code, count(*) as batches, sum(photo_count - done_count - failed_count) as photos,
         (array_agg(given_up_message order by id))[1] as message
    from batches where run_id = $1 and settled_at is null and given_up_at is not null
   group by given_up_code order by count(*) desc, given_up_code`

const PRODUCER_SEEN = 'update runs set producer_seen_at = now() where id = $1'
const PRODUCER_ENDED = `
  update runs set producer_seen_at = case when $2 then null else '-infinity'::timestamptz end where id = $1`

const REPORT = `
  insert into workers as w (id, host, pid, model, started_at, seen_at, embedded, failed, photos_per_second, in_hand, trouble)
  values ($1, $2, $3, $4, $5, now(), $6, $7, $8, $9, $10)
  on conflict (id) do update
     set seen_at = now(), embedded = excluded.embedded, failed = excluded.failed, in_hand = excluded.in_hand,
         photos_per_second = excluded.photos_per_second, trouble = excluded.trouble`
/** Each under its own id: the second of two with one id would wait for the first. */
const PROBE = `
  insert into workers (id, host, pid, model, started_at, seen_at, embedded, failed, photos_per_second, in_hand)
  values (gen_random_uuid()::text, 'probe', 0, 'probe', now(), now(), 0, 0, 0, '{}')`
const FORGET_WORKERS = `delete from workers where seen_at < now() - interval '1 day'`
const LEAVE = 'delete from workers where id = $1'
const WORKERS = `
  select id, host, pid, model, started_at as "startedAt", seen_at as "seenAt", embedded, failed,
         photos_per_second as "photosPerSecond", in_hand as "inHand", trouble
    from workers where seen_at > now() - make_interval(secs => $1) order by host, pid, id`

/** RunRepository on Postgres. Atomic operations are functions in `migrations/`. */
export class PostgresRunRepository implements RunRepository {
  constructor(private readonly database: Database) {}

  async controlOfBatch(parentId: string): Promise<RunControl> {
    const [row] = await this.database.query<{ control: RunControl }>(CONTROL_OF_BATCH, [parentId])
    return row?.control ?? 'active'
  }

  async controlOfRun(runId: string): Promise<RunControl> {
    const [row] = await this.database.query<{ control: RunControl }>(CONTROL_OF_RUN, [runId])
    return row?.control ?? 'active'
  }

  async setAside(batch: Batch): Promise<RunControl> {
    const [row] = await this.database.query<{ control: RunControl }>(SET_ASIDE, [
      batch.parentId,
      batch.id,
      JSON.stringify(batch),
    ])
    return row!.control
  }

  async setControl(runId: string, control: RunControl): Promise<RunControl> {
    const [row] = await this.database.query<{ before: RunControl }>(SET_CONTROL, [runId, control])
    return row!.before
  }

  parked(runId: string, pageSize: number): AsyncIterable<ParkedBatch[]> {
    return pagesById(
      after => this.database.query<{ id: string } & ParkedBatch>(PARKED, [runId, after, pageSize]),
      pageSize,
    )
  }

  async unpark(parked: readonly ParkedBatch[]): Promise<void> {
    await this.database.query(UNPARK, [parked.map(({ batch }) => batch.id), parked.map(({ parkedAt }) => parkedAt)])
  }

  async *openBatches(runId: string, pageSize: number): AsyncIterable<string[]> {
    const pages = pagesById(
      after => this.database.query<{ id: string }>(OPEN_BATCHES, [runId, after, pageSize]),
      pageSize,
    )
    for await (const page of pages) yield page.map(row => row.id)
  }

  unfinished(of: { modelId: ModelId } | { runId: string }, pageSize: number): AsyncIterable<UnfinishedBatch[]> {
    const [modelId, runId] = 'modelId' in of ? [of.modelId, null] : [null, of.runId]
    return pagesById(
      after =>
        this.database.query<UnfinishedBatch & Record<string, unknown>>(UNFINISHED, [
          modelId,
          runId,
          after,
          pageSize,
          copyUrl(''),
        ]),
      pageSize,
    )
  }

  progressOf(batchIds: readonly string[]): Promise<BatchesProgress[]> {
    return this.database.query<BatchesProgress & Record<string, unknown>>(PROGRESS_OF, [batchIds])
  }

  async findRuns(prefix: string, limit: number): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(FIND_RUNS, [prefix, limit])
    return rows.map(row => row.id)
  }

  async optionsOfRun(runId: string): Promise<Record<string, unknown>> {
    const [row] = await this.database.query<{ options: Record<string, unknown> }>(OPTIONS_OF_RUN, [runId])
    return row?.options ?? {}
  }

  async giveUp(parentId: string, code: string, message: string): Promise<void> {
    await this.database.query(GIVE_UP, [parentId, code, storable(message)])
  }

  labelSets(runId: string): Promise<LabelSet[]> {
    return this.database.query<LabelSet & Record<string, unknown>>(LABEL_SETS, [runId])
  }

  failuresOfRun(runId: string): Promise<FailureGroup[]> {
    return this.database.query<FailureGroup & Record<string, unknown>>(FAILURES_OF_RUN, [runId])
  }

  failedPhotosOfRun(
    runId: string,
    { code, after = '', limit }: { code?: string; after?: string; limit: number },
  ): Promise<FailedPhoto[]> {
    return this.database.query<FailedPhoto & Record<string, unknown>>(FAILED_PHOTOS_OF_RUN, [
      runId,
      after,
      code ?? null,
      limit,
    ])
  }

  refreshOfRun(runId: string): Promise<RefreshCount[]> {
    return this.database.query<RefreshCount & Record<string, unknown>>(REFRESH_OF_RUN, [runId])
  }

  givenUpOfRun(runId: string): Promise<GivenUpGroup[]> {
    return this.database.query<GivenUpGroup & Record<string, unknown>>(GIVEN_UP_OF_RUN, [runId])
  }

  async assertWritable(): Promise<void> {
    try {
      await this.database.transaction(session => session.query(PROBE), { rollBack: true })
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'DATABASE_FORBIDDEN')) throw error
    }
  }

  async report(worker: WorkerReport): Promise<void> {
    await this.database.query(REPORT, [
      worker.id,
      worker.host,
      worker.pid,
      worker.model,
      worker.startedAt,
      worker.embedded,
      worker.failed,
      worker.photosPerSecond,
      JSON.stringify(worker.inHand),
      worker.trouble === null ? null : storable(worker.trouble),
    ])
    await this.database.query(FORGET_WORKERS)
  }

  async producerSeen(runId: string): Promise<void> {
    await this.database.query(PRODUCER_SEEN, [runId])
  }

  async producerEnded(runId: string, isDone: boolean): Promise<void> {
    await this.database.query(PRODUCER_ENDED, [runId, isDone])
  }

  async leave(workerId: string): Promise<void> {
    await this.database.query(LEAVE, [workerId])
  }

  workers(withinMs = 30 * SECOND): Promise<SeenWorker[]> {
    return this.database.query<SeenWorker & Record<string, unknown>>(WORKERS, [withinMs / SECOND])
  }
}
