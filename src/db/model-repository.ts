import type { ModelIdentity } from '../domain/model.js'
import type { ModelRepository, RegisteredModel, SwitchGaps } from '../domain/ports/model-repository.js'
import type { ModelId } from '../domain/ports/repository.js'
import type { Database } from './connection.js'
import { MODEL, SEARCHED_MODEL_ID } from './ingest/ingest-sql.js'
import { storable } from './ingest/photo-rows.js'

const CHOSEN = `select ${MODEL} from models where id = (select model_id from search_model)`
const MODELS = `
  select ${MODEL}, (select count(*) from embeddings e where e.model_id = m.id) as photos,
         m.id is not distinct from ${SEARCHED_MODEL_ID} as searched
    from models m order by m.id`
const EMBEDDED = `select ${MODEL} from models m where exists (select from embeddings e where e.model_id = m.id) limit 2`
/** One statement for what each search has to know first: on a busy machine every round trip waits for its turn. */
const ANSWERING = `
  select ${MODEL}, array(select stored_prompt(m.id, normal_prompt(wanted.prompt)) is not null
                           from unnest($1::text[]) with ordinality as wanted (prompt, position)
                          order by wanted.position) as stored
    from models m
   where m.id = coalesce((select model_id from search_model),
                         (select case when count(*) = 1 then min(embedded.id) end
                            from (select one.id from models one
                                   where exists (select from embeddings e where e.model_id = one.id) limit 2) as embedded))`
const GAPS = `
  with lacking as (
    select o.stored_key from embeddings o
     where o.model_id = $1 and not exists (select from embeddings n where n.model_id = $2 and n.photo_id = o.photo_id)
  ), lacking_sets as (
    select o.name, o.training is null and o.clustering is null as is_words from label_sets o
     where o.model_id = $1 and not exists (select from label_sets n where n.model_id = $2 and n.name = o.name)
  ), indexed as (
    select t.model_id from search_tuning t where t.model_id in ($1, $2) and t.answered_by <> 'exact'
  )
  select (select count(*) from lacking) as photos,
         (select count(stored_key) from lacking) as copies,
         (select coalesce(array_agg(name order by name), '{}') from lacking_sets where is_words) as "labelSets",
         (select coalesce(array_agg(name order by name), '{}') from lacking_sets where not is_words) as "ownLabelSets",
         exists (select from indexed where model_id = $1) and not exists (select from indexed where model_id = $2) as "noIndex"`
const USE = 'select use_search_model($1)'
const RETIRE = 'select retire_model($1) as photos'

interface ModelRow extends Record<string, unknown>, ModelIdentity {
  id: ModelId
}

/** ModelRepository on Postgres. `use` and `retire` are functions in `migrations/`. */
export class PostgresModelRepository implements ModelRepository {
  constructor(private readonly database: Database) {}

  async models(): Promise<RegisteredModel[]> {
    const rows = await this.database.query<ModelRow & { photos: number; searched: boolean }>(MODELS)
    return rows.map(({ id, photos, searched, ...identity }) => ({ id, identity, photos, searched }))
  }

  async chosen(): Promise<{ id: ModelId; identity: ModelIdentity } | null> {
    const [row] = await this.database.query<ModelRow>(CHOSEN)
    return row === undefined ? null : fromRow(row)
  }

  async answering(
    prompts: readonly string[],
  ): Promise<{ id: ModelId; identity: ModelIdentity; stored: readonly boolean[] } | null> {
    const [row] = await this.database.query<ModelRow & { stored: boolean[] }>(ANSWERING, [prompts.map(storable)])
    if (row === undefined) return null
    const { stored, ...model } = row
    return { ...fromRow(model), stored }
  }

  async only(): Promise<{ id: ModelId; identity: ModelIdentity } | null> {
    const [row, another] = await this.database.query<ModelRow>(EMBEDDED)
    return row === undefined || another !== undefined ? null : fromRow(row)
  }

  async gaps(from: ModelId, to: ModelId): Promise<SwitchGaps> {
    const [row] = await this.database.query<SwitchGaps & Record<string, unknown>>(GAPS, [from, to])
    return row!
  }

  async use(key: string | null): Promise<void> {
    await this.database.query(USE, [key])
  }

  async retire(key: string): Promise<number> {
    return this.database.transaction(
      async session => {
        const [row] = await session.query<{ photos: number }>(RETIRE, [key])
        return row!.photos
      },
      { unlimited: true },
    )
  }
}

const fromRow = ({ id, ...identity }: ModelRow): { id: ModelId; identity: ModelIdentity } => ({ id, identity })
