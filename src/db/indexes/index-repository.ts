import type { IndexMethod, IndexShape } from '../../domain/indexes/index-plan.js'
import type {
  BuildOptions,
  BuildResources,
  IndexFacts,
  IndexRepository,
  IndexState,
  MeasuredAnswer,
  MeasuredSetting,
  QueryKind,
  SampledPhoto,
  SampleQuery,
  SearchSetting,
  Tuning,
} from '../../domain/ports/index-repository.js'
import type { ModelId } from '../../domain/ports/repository.js'
import type { Database, Session } from '../connection.js'
import { fromVectorText, toVectorText } from '../vector.js'
import { buildAtOnce, buildConcurrently, dropIndex } from './index-build.js'
import { TRY_SETTING, triedSetting } from './tried-setting.js'

const FACTS = `
  select m.dimension, (select count(*) from embeddings e where e.model_id = m.id) as photos,
         (select setting::float8 * 1024 from pg_settings where name = 'maintenance_work_mem') as "maintenanceWorkMem",
         (select setting::float8 * 8192 from pg_settings where name = 'shared_buffers') as "sharedBuffers",
         (select setting::integer from pg_settings where name = 'max_parallel_workers') as "maxParallelWorkers",
         clients_share_session() as embedded
    from models m where m.id = $1`

const INDEXES = `
  select model as "modelKey", index_name as name, method, state,
         coalesce(options, '{}') as options, bytes, pid, phase, percent::float8 as percent,
         photos_at_build as "photosAtBuild", photos
    from index_status where $1::integer is null or model_id = $1 order by model_id, index_name`

const TUNINGS = `
  select model as "modelKey", query_kind as kind, answered_by as "answeredBy", effort as "searchEffort",
         index_name as "indexName",
         wanted_recall as "wantedRecall", measured_recall as "measuredRecall", sampled_queries as "sampledQueries",
         tuned_at as "tunedAt", photos_at_tuning as "photosAtTuning", photos, state
    from search_tuning where $1::integer is null or model_id = $1 order by model_id, query_kind desc`

const SAMPLE_PHOTOS = `
  select photo_id as "photoId", embedding::text as vector from embeddings where model_id = $1
   order by md5($2::text || ':' || photo_id) collate "C", photo_id limit $3`

const SAMPLE_PROMPTS = `
  select vector from (
    select distinct on (prompt) prompt, embedding::text as vector from (
      select prompt, embedding from prompt_embeddings where model_id = $1
      union all
      select prompt, embedding from label_prompts where model_id = $1) as known
     order by prompt) as distinct_prompts
   order by md5($2::text || ':' || prompt) collate "C", prompt limit $3`

const SAVE_SETTING = `
  insert into search_settings (model_id, query_kind, method, index_name, effort, wanted_recall, measured_recall,
                               sampled_queries, photos)
  select $1, $2, $3, $4, $5, $6, $7, $8, count(*) from embeddings where model_id = $1
  on conflict (model_id, query_kind) do update
     set method = excluded.method, index_name = excluded.index_name, effort = excluded.effort,
         wanted_recall = excluded.wanted_recall, measured_recall = excluded.measured_recall,
         sampled_queries = excluded.sampled_queries, photos = excluded.photos, tuned_at = now()`

const SEARCH = `
  select photo_id as "photoId", score
    from search_embeddings($1, $2::vector, $3, 0, '[]', '[]', except_photo => $5, kind => $4) order by rank`

interface FactsRow extends IndexFacts, Record<string, unknown> {
  embedded: boolean
}

/** IndexRepository on Postgres with pgvector. */
export class PostgresIndexRepository implements IndexRepository {
  /** @param connect opens a separate connection for a build, without timeouts */
  constructor(
    private readonly database: Database,
    private readonly connect: () => Promise<Database>,
  ) {}

  async facts(modelId: ModelId): Promise<IndexFacts> {
    const { embedded: _, ...facts } = await this.#facts(modelId)
    return facts
  }

  indexes(modelId: ModelId | null): Promise<IndexState[]> {
    return this.database.query<IndexState & Record<string, unknown>>(INDEXES, [modelId])
  }

  tunings(modelId: ModelId | null): Promise<Tuning[]> {
    return this.database.query<Tuning & Record<string, unknown>>(TUNINGS, [modelId])
  }

  async build(modelId: ModelId, shape: IndexShape, resources: BuildResources, options: BuildOptions): Promise<boolean> {
    const { photos, dimension, embedded } = await this.#facts(modelId)
    const target = { modelId, photos, dimension }
    if (embedded) return buildAtOnce(this.database, target, shape, resources, options)
    const connection = await this.connect()
    try {
      return await buildConcurrently(this.database, connection, target, shape, resources, options)
    } finally {
      await connection.close()
    }
  }

  drop(modelId: ModelId, method: IndexMethod): Promise<string[]> {
    return dropIndex(this.database, modelId, method)
  }

  async samplePhotos(modelId: ModelId, count: number, seed: number): Promise<SampledPhoto[]> {
    const sql = SAMPLE_PHOTOS
    const rows = await this.database.query<{ photoId: string; vector: string }>(sql, [modelId, seed, count])
    return rows.map(({ photoId, vector }) => ({ photoId, vector: fromVectorText(vector) }))
  }

  async samplePrompts(modelId: ModelId, count: number, seed: number): Promise<Float32Array[]> {
    const rows = await this.database.query<{ vector: string }>(SAMPLE_PROMPTS, [modelId, seed, count])
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
      // It ends with the transaction, and no other search uses it.
      await session.query(TRY_SETTING, [triedSetting(setting)])
      const answers: MeasuredAnswer[] = []
      for (const query of queries) answers.push(await search(session, modelId, kind, query, k))
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

  async #facts(modelId: ModelId): Promise<FactsRow> {
    const [row] = await this.database.query<FactsRow>(FACTS, [modelId])
    return row!
  }
}

async function search(
  session: Session,
  modelId: ModelId,
  kind: QueryKind,
  { vector, exceptPhoto }: SampleQuery,
  k: number,
): Promise<MeasuredAnswer> {
  const values = [modelId, toVectorText(vector), k, kind, exceptPhoto ?? null]
  const from = performance.now()
  const hits = await session.query<{ photoId: string; score: number }>(SEARCH, values)
  return { hits, ms: performance.now() - from }
}

function columns(setting: SearchSetting): [string, string | null, number | null] {
  return setting.method === 'exact' ? ['exact', null, null] : [setting.method, setting.indexName, setting.searchEffort]
}
