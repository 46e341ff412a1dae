import { type LabelSet, promptsOf } from '../domain/labels.js'
import type { LabelCount, LabelRepository, LabelSample, ModelId } from '../domain/ports/repository.js'
import type { Database } from './connection.js'
import { toVectorText } from './vector.js'

/** Photos labelled in one transaction: some hundred ms of work, so that others on the same session get their turn. */
const PAGE_SIZE = 1000

const FIND_SET = `
  select from label_sets where model_id = $1 and name = $2 and template = $3 and labels = $4::text[]`

/** Gives a row only when the set is new or its definition changed; of several processes that save it, one gets it. */
const SAVE_SET = `
  insert into label_sets as s (model_id, name, template, labels) values ($1, $2, $3, $4)
  on conflict (model_id, name) do update
     set template = excluded.template, labels = excluded.labels, created_at = now()
   where (s.template, s.labels) is distinct from (excluded.template, excluded.labels)
  returning name`

const DROP_LABELS = 'delete from photo_labels where model_id = $1 and set_name = $2'
const DROP_PROMPTS = 'delete from label_prompts where model_id = $1 and set_name = $2'

const SAVE_PROMPTS = `
  insert into label_prompts (model_id, set_name, position, label, prompt, embedding)
  select $1, $2, position, label, prompt, vector_text::vector
    from unnest($3::text[], $4::text[], $5::text[]) with ordinality as new (label, prompt, vector_text, position)`

/** One page of embedded photos without a label of the set: labels them, and gives the last id and how many they were. */
const LABEL_PAGE = `
  with page as (
    select e.photo_id from embeddings e
     where e.model_id = $1 and e.photo_id > $3
       and not exists (
             select from photo_labels l where l.model_id = $1 and l.set_name = $2 and l.photo_id = e.photo_id)
     order by e.photo_id limit $4
  ), whole as (
    select array_agg(photo_id) as photo_ids, max(photo_id) as last, count(*) as photos from page
  )
  select last, label_batch($1, $2, photo_ids) as labelled, photos from whole where photos > 0`

const LABEL_SETS = 'select name, template, labels from label_sets where model_id = $1 order by name collate "C"'
const HISTOGRAM = 'select label, photos from label_histogram($2, model => $1::integer::text)'
const SAMPLE = `
  select photo_id as "photoId", label, score from label_sample($2, $3, seed => $4, model => $1::integer::text)`

/** LabelRepository on Postgres. Labels are computed by the function `label_batch`, whoever asks for them. */
export class PostgresLabelRepository implements LabelRepository {
  constructor(private readonly database: Database) {}

  async hasPrompts(modelId: ModelId, set: LabelSet): Promise<boolean> {
    return (await this.database.query(FIND_SET, [modelId, set.name, set.template, set.labels])).length > 0
  }

  async savePrompts(modelId: ModelId, set: LabelSet, embeddings: readonly Float32Array[]): Promise<void> {
    if (embeddings.length !== set.labels.length)
      throw new RangeError(`${set.labels.length} embeddings expected, one a label, found ${embeddings.length}`)
    await this.database.transaction(async session => {
      const changed = await session.query(SAVE_SET, [modelId, set.name, set.template, set.labels])
      if (changed.length === 0) return
      await session.query(DROP_LABELS, [modelId, set.name])
      await session.query(DROP_PROMPTS, [modelId, set.name])
      await session.query(SAVE_PROMPTS, [
        modelId,
        set.name,
        set.labels,
        promptsOf(set),
        embeddings.map(embedding => toVectorText(embedding)),
      ])
    })
  }

  /** @returns how many photos were labelled. @throws AppError NOT_FOUND when the prompts of the set are not stored */
  async labelPhotos(
    modelId: ModelId,
    setName: string,
    onProgress?: (labelled: number) => void,
    signal?: AbortSignal,
  ): Promise<number> {
    let labelled = 0
    // Photos that were embedded behind the point this pass had reached are found by the next one.
    for (let before = -1; before < labelled; ) {
      before = labelled
      for (let after: string | null = ''; after !== null; ) {
        signal?.throwIfAborted()
        const [page]: { last: string; photos: number }[] = await this.database.query(LABEL_PAGE, [
          modelId,
          setName,
          after,
          PAGE_SIZE,
        ])
        after = page?.last ?? null
        labelled += page?.photos ?? 0
        if (page !== undefined) onProgress?.(labelled)
      }
    }
    return labelled
  }

  async labelSets(modelId: ModelId): Promise<LabelSet[]> {
    return this.database.query<LabelSet & Record<string, unknown>>(LABEL_SETS, [modelId])
  }

  async histogram(modelId: ModelId, setName: string): Promise<LabelCount[]> {
    return this.database.query<LabelCount & Record<string, unknown>>(HISTOGRAM, [modelId, setName])
  }

  async sample(modelId: ModelId, setName: string, size: number, seed: number): Promise<LabelSample[]> {
    return this.database.query<LabelSample & Record<string, unknown>>(SAMPLE, [modelId, setName, size, seed])
  }
}
