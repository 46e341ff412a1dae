import type { Clustering, LabelSet, LabelTraining } from '../domain/labels.js'
import type {
  LabelCount,
  LabelledPhoto,
  LabelProgress,
  LabelRepository,
  LabelSample,
  ModelId,
} from '../domain/ports/repository.js'
import type { Database } from './connection.js'
import { SELECT_PHOTO, toPhoto } from './ingest/photo-rows.js'
import { pagesById } from './keyset-pages.js'
import { patiently, runPass } from './ranged-pass.js'
import { toVectorText } from './vector.js'

const FIND_SET = `
  select from label_sets
   where model_id = $1 and name = $2 and template = $3 and labels = $4::text[] and (training is not null) = $5::boolean`

const DEFINE_SET = `
  select define_label_set($2, $3, $4::text[], $5::text[]::vector[], model => $1::integer::text, keep_known => true) = 'current'
         as current`
const CANCEL_CHANGE = 'select cancel_relabel($2, model => $1::integer::text) as cancelled'

const LABEL_PAGE = 'select label_page($1, $2) as done'
const LABEL_REST = 'select labelled as done, queued from label_rest($1, $2)'
const ANALYZE = 'analyze label_rows'
const SWITCH = 'select label_switch($1, $2)'
const REMOVE_SET = 'select remove_label_set($2, $1::integer::text) as labels'
const SWEEP = 'select sweep_labels()'

const PROGRESS = `
  select state = 'coming' as coming, photos, labelled from label_progress
   where model_id = $1 and set_name = $2 order by state = 'coming' desc limit 1`

const LABEL_SETS =
  'select name, template, labels, training, clustering from label_sets where model_id = $1 order by name collate "C"'
/** As cosine distance. Rounding differs by less, and CLIP's logits of so near prompts by less than 0.2. */
const EQUAL_PROMPTS = `
  select p.label from label_prompts p
   where p.model_id = $1 and p.set_name = $2 and exists (
     select from label_prompts o where o.model_id = p.model_id and o.set_name = p.set_name and o.position <> p.position
        and (o.embedding <=> p.embedding) < 1e-6)
   order by p.position`
const HISTOGRAM = 'select label, photos from label_histogram($2, model => $1::integer::text)'
const SAMPLE = `
  select photo_id as "photoId", label, score from label_sample($2, $3, seed => $4, model => $1::integer::text)`

const LABELLED_PHOTOS = `
  select l.photo_id as id, l.label, l.score, ${SELECT_PHOTO}
    from label_rows l join photos p on p.photo_id = l.photo_id
   where l.version = (select version from label_sets where model_id = $1 and name = $2) and l.photo_id > $3
   order by l.photo_id limit $4`

interface LabelledRow extends Record<string, unknown> {
  id: string
  label: string
  score: number
}

/** LabelRepository on Postgres. Calls the functions of `migrations/functions/labels/`, which do the work. */
export class PostgresLabelRepository implements LabelRepository {
  readonly #sessions: number

  /**
   * @param options `sessions`: number of sessions that label photos in parallel; 1 on the embedded server, which has
   * one
   */
  constructor(
    private readonly database: Database,
    { sessions = 1 }: { sessions?: number } = {},
  ) {
    this.#sessions = sessions
  }

  async hasPrompts(modelId: ModelId, set: LabelSet): Promise<boolean> {
    return (
      (await this.database.query(FIND_SET, [modelId, set.name, set.template, set.labels, Boolean(set.training)]))
        .length > 0
    )
  }

  async savePrompts(modelId: ModelId, set: LabelSet, embeddings: readonly Float32Array[]): Promise<boolean> {
    if (embeddings.length !== set.labels.length)
      throw new RangeError(`expected ${set.labels.length} embeddings, one per label, found ${embeddings.length}`)
    const vectors = embeddings.map(embedding => toVectorText(embedding))
    const [saved] = await this.database.query<{ current: boolean }>(DEFINE_SET, [
      modelId,
      set.name,
      set.template,
      set.labels,
      vectors,
    ])
    return saved!.current
  }

  /** @returns the number of labelled photos. @throws AppError NOT_FOUND when the prompts of the set are not stored */
  async labelPhotos(
    modelId: ModelId,
    setName: string,
    onProgress?: (labelled: number) => void,
    signal?: AbortSignal,
  ): Promise<number> {
    const pass = { page: LABEL_PAGE, rest: LABEL_REST, values: [modelId, setName] }
    const labelled = await runPass(this.database, pass, { sessions: this.#sessions, onProgress, signal })
    // Until autovacuum comes, the planner would expect one label where there are thousands.
    if (labelled > 0) await this.database.transaction(session => session.query(ANALYZE), { unlimited: true })
    await this.database.query(SWITCH, [modelId, setName])
    await patiently(this.database, SWEEP)
    return labelled
  }

  async cancelChange(modelId: ModelId, setName: string): Promise<boolean> {
    const [change] = await this.database.query<{ cancelled: boolean }>(CANCEL_CHANGE, [modelId, setName])
    await patiently(this.database, SWEEP)
    return change!.cancelled
  }

  async labelProgress(modelId: ModelId, setName: string): Promise<LabelProgress | null> {
    const [progress] = await this.database.query<LabelProgress & Record<string, unknown>>(PROGRESS, [modelId, setName])
    return progress ?? null
  }

  async labelSets(modelId: ModelId): Promise<LabelSet[]> {
    type Origin = { training: LabelTraining | null; clustering: Clustering | null }
    type Row = Omit<LabelSet, keyof Origin> & Origin & Record<string, unknown>
    const rows = await this.database.query<Row>(LABEL_SETS, [modelId])
    return rows.map(({ training, clustering, ...set }) => ({
      ...set,
      ...(training === null ? {} : { training }),
      ...(clustering === null ? {} : { clustering }),
    }))
  }

  async equalLabels(modelId: ModelId, setName: string): Promise<string[]> {
    const rows = await this.database.query<{ label: string }>(EQUAL_PROMPTS, [modelId, setName])
    return rows.map(({ label }) => label)
  }

  async removeSet(modelId: ModelId, setName: string): Promise<number> {
    const [removed] = await patiently<{ labels: number }>(this.database, REMOVE_SET, [modelId, setName])
    await patiently(this.database, SWEEP)
    return Number(removed!.labels)
  }

  async histogram(modelId: ModelId, setName: string): Promise<LabelCount[]> {
    return this.database.query<LabelCount & Record<string, unknown>>(HISTOGRAM, [modelId, setName])
  }

  async sample(modelId: ModelId, setName: string, size: number, seed: number): Promise<LabelSample[]> {
    return this.database.query<LabelSample & Record<string, unknown>>(SAMPLE, [modelId, setName, size, seed])
  }

  async *labelledPhotos(modelId: ModelId, setName: string, pageSize: number): AsyncGenerator<LabelledPhoto[]> {
    const fetch = (after: string) =>
      this.database.query<LabelledRow>(LABELLED_PHOTOS, [modelId, setName, after, pageSize])
    for await (const page of pagesById(fetch, pageSize))
      yield page.map(row => ({ photo: toPhoto(row), label: row.label, score: row.score }))
  }
}
