import type {
  ReferenceProgress,
  ReferenceRepository,
  ReferenceSet,
} from '../../domain/ports/references/reference-repository.js'
import type { ModelId } from '../../domain/ports/repository.js'
import type { Database } from '../connection.js'
import { storable } from '../ingest/photo-rows.js'
import { patiently, runPass } from '../ranged-pass.js'
import { requireIntegers, requireNumbers } from '../search/hit-rows.js'
import { toVectorText } from '../vector.js'

const FIND = `
  select s.k, array(select t.text from reference_texts t where t.version = s.version order by t.position) as texts
    from reference_sets s where s.model_id = $1 order by s.state = 'coming' desc limit 1`
const DEFINE = `select define_references($2::text[], $3::text[]::vector[], $4, $1::integer::text)`
const PAGE = 'select reference_page($1) as done'
const REST = 'select compared as done, queued from reference_rest($1)'
const SWITCH = 'select reference_switch($1)'
const SWEEP = 'select sweep_reference_scores()'
const USE = 'select use_correction($2, $1::integer::text)'
const DROP = 'select drop_references($1::integer::text) as dropped'
const PROGRESS = `
  select state, k, weight, texts, photos, compared, known_texts as "knownTexts",
         case when cut_by is not null
              then json_build_object('by', cut_by, 'judged', judged, 'precision', cut_precision, 'recall', cut_recall) end as "cutOff"
    from reference_progress
   where model_id = $1 order by state = 'coming' desc limit 1`

/** ReferenceRepository on Postgres. Calls the functions of `migrations/functions/references/`, which do the work. */
export class PostgresReferenceRepository implements ReferenceRepository {
  readonly #sessions: number

  /** @param options `sessions`: that compare photos in parallel; 1 on the embedded server, which has one */
  constructor(
    private readonly database: Database,
    { sessions = 1 }: { sessions?: number } = {},
  ) {
    this.#sessions = sessions
  }

  async find(modelId: ModelId): Promise<ReferenceSet | null> {
    const [found] = await this.database.query<{ k: number; texts: string[] }>(FIND, [modelId])
    return found ?? null
  }

  async define(modelId: ModelId, { texts, k }: ReferenceSet, embeddings: readonly Float32Array[]): Promise<void> {
    requireIntegers({ k })
    const vectors = embeddings.map(embedding => toVectorText(embedding))
    await this.database.query(DEFINE, [modelId, texts.map(storable), vectors, k])
  }

  async compare(modelId: ModelId, onProgress?: (compared: number) => void, signal?: AbortSignal): Promise<number> {
    const pass = { page: PAGE, rest: REST, values: [modelId] }
    const compared = await runPass(this.database, pass, { sessions: this.#sessions, onProgress, signal })
    await patiently(this.database, SWITCH, [modelId])
    await patiently(this.database, SWEEP)
    return compared
  }

  async useWeight(modelId: ModelId, weight: number): Promise<void> {
    requireNumbers({ weight })
    await this.database.query(USE, [modelId, weight])
  }

  async drop(modelId: ModelId): Promise<boolean> {
    const [found] = await this.database.query<{ dropped: boolean }>(DROP, [modelId])
    await patiently(this.database, SWEEP)
    return found!.dropped
  }

  async progress(modelId: ModelId): Promise<ReferenceProgress | null> {
    const [progress] = await this.database.query<ReferenceProgress & Record<string, unknown>>(PROGRESS, [modelId])
    return progress ?? null
  }
}
