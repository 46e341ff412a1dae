import type { IndexKind, IndexShape } from '../domain/index-plan.js'
import type {
  BuildOptions,
  BuildResources,
  IndexFacts,
  IndexRepository,
  IndexState,
  MeasuredAnswer,
  MeasuredSetting,
  QueryKind,
  SampleQuery,
  SearchSetting,
  Tuning,
} from '../domain/ports/index-repository.js'
import type { ModelId } from '../domain/ports/repository.js'
import { type TextSpace, textSpace } from '../domain/text-space.js'
import type { Database, Session } from './connection.js'
import { buildAtOnce, buildConcurrently, dropIndex } from './index-build.js'
import { fromVectorText, toVectorText } from './vector.js'

/** Timed searches of `facts`. */
const TIMINGS = 3
/** From which the mean of all is taken, and how long the longest may be, for an index that serves texts. */
const SAMPLED_PHOTOS = 3000

const FACTS = `
  select m.dimension, (select count(*) from embeddings e where e.model_id = m.id) as photos,
         (select e.photo_id from embeddings e where e.model_id = m.id limit 1) as photo_id,
         (select setting::float8 * 1024 from pg_settings where name = 'maintenance_work_mem') as "maintenanceWorkMem",
         (select setting::float8 * 8192 from pg_settings where name = 'shared_buffers') as "sharedBuffers",
         (select setting::integer from pg_settings where name = 'max_parallel_workers') as "maxParallelWorkers",
         clients_share_session() as embedded
    from models m where m.id = $1`

const INDEXES = `
  select model as "modelKey", index_name as name, method, state,
         case when index_name ~ '_text(_building)?$' then 'text' else method end as kind, coalesce(options, '{}') as options, bytes, pid, phase,
         percent::float8 as percent, photos_at_build as "photosAtBuild", photos
    from index_status where $1::integer is null or model_id = $1 order by model_id, index_name`

const TUNINGS = `
  select model as "modelKey", query_kind as kind, answered_by as "answeredBy", effort, index_name as "indexName",
         wanted_recall as "wantedRecall", measured_recall as "measuredRecall", sampled_queries as "sampledQueries",
         tuned_at as "tunedAt", photos_at_tuning as "photosAtTuning", photos, state
    from search_tuning where $1::integer is null or model_id = $1 order by model_id, query_kind desc`

const SAMPLE_PHOTOS = `
  select photo_id as "photoId" from embeddings where model_id = $1
   order by md5($2::text || ':' || photo_id) collate "C", photo_id limit $3`

const SAMPLE_PROMPTS = `
  select vector from (
    select distinct on (prompt) prompt, embedding::text as vector from (
      select prompt, embedding from prompt_embeddings where model_id = $1
      union all
      select prompt, embedding from label_prompts where model_id = $1) as known
     order by prompt) as distinct_prompts
   where get_byte(decode(md5(prompt), 'hex'), 0) % 2 = $4
   order by md5($2::text || ':' || prompt) collate "C", prompt limit $3`

const SAMPLE_VECTORS = `
  select embedding::text as vector from embeddings where model_id = $1 order by md5(photo_id) collate "C", photo_id limit $2`

const SAVE_SETTING = `
  insert into search_settings (model_id, query_kind, method, index_name, effort, wanted_recall, measured_recall,
                               sampled_queries, photos)
  select $1, $2, $3, $4, $5, $6, $7, $8, count(*) from embeddings where model_id = $1
  on conflict (model_id, query_kind) do update
     set method = excluded.method, index_name = excluded.index_name, effort = excluded.effort,
         wanted_recall = excluded.wanted_recall, measured_recall = excluded.measured_recall,
         sampled_queries = excluded.sampled_queries, photos = excluded.photos, tuned_at = now()`
const TRY_SETTING = `
  insert into search_settings (model_id, query_kind, method, index_name, effort) values ($1, $2, $3, $4, $5)
  on conflict (model_id, query_kind) do update
     set method = excluded.method, index_name = excluded.index_name, effort = excluded.effort`

const SEARCH_VECTOR = `
  select photo_id as "photoId", score from search_embeddings($1, $2::vector, $3, 0, '[]', '[]', kind => $4) order by rank`
const SEARCH_PHOTO = `
  select photo_id as "photoId", score
    from search_embeddings($1, embedding_of($1, $2), $3, 0, '[]', '[]', except_photo => $2, kind => $4) order by rank`

interface FactsRow extends Omit<IndexFacts, 'exactMs'>, Record<string, unknown> {
  photo_id: string | null
  embedded: boolean
}

/** IndexRepository on Postgres with pgvector. */
export class PostgresIndexRepository implements IndexRepository {
  /** @param connect opens a connection of its own for a build, without limits of time */
  constructor(
    private readonly database: Database,
    private readonly connect: () => Promise<Database>,
  ) {}

  async facts(modelId: ModelId): Promise<IndexFacts> {
    const { photo_id, embedded: _, ...facts } = await this.#facts(modelId)
    let exactMs: number | null = null
    if (photo_id !== null)
      for (let i = 0; i < TIMINGS; i++) {
        const [answer] = await this.measure(modelId, 'image', { method: 'exact' }, [{ photoId: photo_id }], 10)
        exactMs = Math.min(exactMs ?? Number.POSITIVE_INFINITY, answer!.ms)
      }
    return { ...facts, exactMs }
  }

  indexes(modelId: ModelId | null): Promise<IndexState[]> {
    return this.database.query<IndexState & Record<string, unknown>>(INDEXES, [modelId])
  }

  tunings(modelId: ModelId | null): Promise<Tuning[]> {
    return this.database.query<Tuning & Record<string, unknown>>(TUNINGS, [modelId])
  }

  async build(modelId: ModelId, shape: IndexShape, resources: BuildResources, options: BuildOptions): Promise<boolean> {
    const { photos, dimension, embedded } = await this.#facts(modelId)
    const target = { modelId, photos, dimension, space: await this.#textSpace(modelId, shape, options) }
    if (embedded) return buildAtOnce(this.database, target, shape, resources, options)
    const connection = await this.connect()
    try {
      return await buildConcurrently(this.database, connection, target, shape, resources, options)
    } finally {
      await connection.close()
    }
  }

  drop(modelId: ModelId, kind: IndexKind): Promise<string[]> {
    return dropIndex(this.database, modelId, kind)
  }

  samplePhotos(modelId: ModelId, count: number, seed: number): Promise<SampleQuery[]> {
    return this.database.query<{ photoId: string }>(SAMPLE_PHOTOS, [modelId, seed, count])
  }

  async samplePrompts(
    modelId: ModelId,
    half: 'shaping' | 'judging',
    count: number,
    seed: number,
  ): Promise<Float32Array[]> {
    const rows = await this.database.query<{ vector: string }>(SAMPLE_PROMPTS, [
      modelId,
      seed,
      count,
      half === 'shaping' ? 0 : 1,
    ])
    return rows.map(({ vector }) => fromVectorText(vector))
  }

  async measure(
    modelId: ModelId,
    kind: QueryKind,
    setting: SearchSetting,
    queries: readonly SampleQuery[],
    k: number,
  ): Promise<MeasuredAnswer[]> {
    return this.database.transaction(async session => {
      // What is tried is never committed, so that nobody searches with it meanwhile.
      await session.query('savepoint tried')
      await session.query(TRY_SETTING, [modelId, kind, ...columns(setting)])
      const answers: MeasuredAnswer[] = []
      for (const query of queries) answers.push(await search(session, modelId, kind, query, k))
      await session.query('rollback to savepoint tried')
      return answers
    })
  }

  async saveSetting(
    modelId: ModelId,
    kind: QueryKind,
    setting: SearchSetting,
    { wantedRecall, measuredRecall, sampledQueries }: MeasuredSetting,
  ): Promise<void> {
    await this.database.query(SAVE_SETTING, [
      modelId,
      kind,
      ...columns(setting),
      wantedRecall,
      measuredRecall,
      sampledQueries,
    ])
  }

  async #textSpace(modelId: ModelId, { kind }: IndexShape, { texts }: BuildOptions): Promise<TextSpace | null> {
    if (kind !== 'text') return null
    if (texts === undefined || texts.length === 0) throw new RangeError('texts expected for an index of kind text')
    const photos = await this.database.query<{ vector: string }>(SAMPLE_VECTORS, [modelId, SAMPLED_PHOTOS])
    return textSpace(
      texts,
      photos.map(({ vector }) => fromVectorText(vector)),
    )
  }

  async #facts(modelId: ModelId): Promise<FactsRow> {
    const [row] = await this.database.query<FactsRow>(FACTS, [modelId])
    return row!
  }
}

async function search(
  session: Session,
  modelId: ModelId,
  kind: QueryKind,
  query: SampleQuery,
  k: number,
): Promise<MeasuredAnswer> {
  const [sql, subject] =
    'photoId' in query ? [SEARCH_PHOTO, query.photoId] : [SEARCH_VECTOR, toVectorText(query.vector)]
  const from = performance.now()
  const hits = await session.query<{ photoId: string; score: number }>(sql, [modelId, subject, k, kind])
  return { hits, ms: performance.now() - from }
}

function columns(setting: SearchSetting): [string, string | null, number | null] {
  return setting.method === 'exact' ? ['exact', null, null] : [setting.method, setting.indexName, setting.effort]
}
