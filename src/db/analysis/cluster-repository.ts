import type { ClusterRepository, ClusterRows, ClusterSet } from '../../domain/ports/analysis/cluster-sets.js'
import type { ModelId } from '../../domain/ports/repository.js'
import type { Database } from '../connection.js'
import { toVectorText } from '../vector.js'

const DEFINE = 'select define_cluster_set($2, $3::text[], $4::jsonb, model => $1::integer::text) as version'
/** $1: version, model, set; $4: the labels of the set; then a column each: id, position of the label, scores as text. */
const ADD_ROWS = `
  with added as (
    insert into label_rows (version, model_id, set_name, photo_id, label, score, scores)
    select $1::integer, $2::integer, $3::text, e.photo_id, ($4::text[])[given.place], given.scores[given.place], given.scores
      from unnest($5::text[], $6::integer[], $7::text[]) as row (photo_id, place, scores)
     cross join lateral (select row.place, row.scores::real[]) as given (place, scores)
      join embeddings e on e.model_id = $2::integer and e.photo_id = row.photo_id
    returning 1
  )
  select count(*) as photos from added`
const NEAREST_PROMPTS = `
  select prompt from prompt_embeddings where model_id = $1 order by embedding <=> $2::vector, prompt limit $3`

/** ClusterRepository on Postgres. */
export class PostgresClusterRepository implements ClusterRepository {
  constructor(private readonly database: Database) {}

  async save(
    modelId: ModelId,
    { name, labels, clustering }: ClusterSet,
    rows: () => AsyncIterable<ClusterRows> | Iterable<ClusterRows>,
  ): Promise<number> {
    return this.database.transaction(
      async session => {
        const [set] = await session.query<{ version: number }>(DEFINE, [
          modelId,
          name,
          labels,
          JSON.stringify(clustering),
        ])
        let stored = 0
        for await (const page of rows()) {
          const [added] = await session.query<{ photos: number }>(ADD_ROWS, [
            set!.version,
            modelId,
            name,
            labels,
            page.ids,
            Array.from(page.labels, label => label + 1),
            page.ids.map((_, i) => arrayText(page.scores.subarray(i * labels.length, (i + 1) * labels.length))),
          ])
          stored += Number(added!.photos)
        }
        return stored
      },
      { unlimited: true },
    )
  }

  async nearestPrompts(modelId: ModelId, direction: Float32Array, count: number): Promise<string[]> {
    const rows = await this.database.query<{ prompt: string }>(NEAREST_PROMPTS, [
      modelId,
      toVectorText(direction),
      count,
    ])
    return rows.map(({ prompt }) => prompt)
  }
}

/** A Postgres array of numbers: six digits tell scores apart. */
const arrayText = (scores: Float32Array): string => `{${Array.from(scores, score => score.toPrecision(6)).join(',')}}`
