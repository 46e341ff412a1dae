import { AppError } from '../domain/errors.js'
import type { LabelExample, TrainedLabelRepository, TrainedLabelSet } from '../domain/ports/labels/trained-labels.js'
import type { ModelId } from '../domain/ports/repository.js'
import type { Database, Session } from './connection.js'
import { toVectorText } from './vector.js'

const DEFINE = `
  select define_trained_set($2, $3::text[], $4::text[]::vector[], $5::double precision[], $6::jsonb,
                            model => $1::integer::text) = 'current' as current`
const FORGET_EXAMPLES = 'delete from label_examples where model_id = $1 and set_name = $2'
/** Photos that were removed meanwhile are left out. */
const ADD_EXAMPLES = `
  insert into label_examples (model_id, set_name, photo_id, label)
  select $1::integer, $2::text, p.photo_id, given.label
    from unnest($3::text[], $4::text[]) as given (photo_id, label)
    join photos p on p.photo_id = given.photo_id
   order by p.photo_id
     for key share of p`
const EXAMPLES = `
  select photo_id as "photoId", label from label_examples where model_id = $1 and set_name = $2 order by photo_id`

const LABELS = 'select labels from label_sets where model_id = $1 and name = $2'
/**
 * $4: whether the set has two labels. A photo with several marks goes by the one on the label itself, else by the
 * latest.
 */
const MARKED = `
  select distinct on (photo_id) photo_id as "photoId", case when label = $3 then correct else not correct end as has
    from label_marks
   where model_id = $1 and set_name = $2 and (label = $3 or correct or $4)
   order by photo_id, label = $3 desc, marked_at desc`
const KNOWN = 'select photo_id as id from photos where photo_id = any ($1)'
/** As label_sample draws them. */
const RANDOM = `
  select photo_id as id from embeddings where model_id = $1
   order by md5($3::text || ':' || photo_id) collate "C", photo_id limit $2`

/** TrainedLabelRepository on Postgres. */
export class PostgresTrainedLabelRepository implements TrainedLabelRepository {
  constructor(private readonly database: Database) {}

  async save(modelId: ModelId, set: TrainedLabelSet, examples: readonly LabelExample[] = []): Promise<boolean> {
    return this.database.transaction(async session => {
      const [saved] = await session.query<{ current: boolean }>(DEFINE, [
        modelId,
        set.name,
        set.labels,
        set.weights.map(weights => toVectorText(weights)),
        set.biases,
        JSON.stringify(set.training),
      ])
      await session.query(FORGET_EXAMPLES, [modelId, set.name])
      await session.query(ADD_EXAMPLES, [
        modelId,
        set.name,
        examples.map(({ photoId }) => photoId),
        examples.map(({ label }) => label),
      ])
      return saved!.current
    })
  }

  examples(modelId: ModelId, setName: string): Promise<LabelExample[]> {
    return this.database.query<LabelExample & Record<string, unknown>>(EXAMPLES, [modelId, setName])
  }

  async marked(modelId: ModelId, setName: string, label: string): Promise<{ photoId: string; has: boolean }[]> {
    const [set] = await this.database.query<{ labels: string[] }>(LABELS, [modelId, setName])
    if (set === undefined)
      throw new AppError(
        'NOT_FOUND',
        `No label set ${JSON.stringify(setName)} has marks for this model. To list the sets: unsplash-clip labels show`,
      )
    if (!set.labels.includes(label))
      throw new AppError(
        'NOT_FOUND',
        `The label set ${setName} has no label ${JSON.stringify(label)}; its labels: ${set.labels.join(', ')}`,
      )
    return this.database.query<{ photoId: string; has: boolean }>(MARKED, [
      modelId,
      setName,
      label,
      set.labels.length === 2,
    ])
  }

  async knownPhotos(photoIds: readonly string[]): Promise<Set<string>> {
    const rows = await this.database.query<{ id: string }>(KNOWN, [photoIds])
    return new Set(rows.map(({ id }) => id))
  }

  async randomPhotos(modelId: ModelId, count: number, seed: number): Promise<string[]> {
    const draw = (session: Session) => session.query<{ id: string }>(RANDOM, [modelId, count, seed])
    const rows = await this.database.transaction(draw, { unlimited: true })
    return rows.map(({ id }) => id)
  }
}
