import type {
  LabelMark,
  LabelMarkCount,
  LabelMarkRepository,
  LabelReviewSample,
  ModelId,
} from '../domain/ports/repository.js'
import type { Database } from './connection.js'

/** $1: model, $2: set. Marks of earlier definitions do not count. */
const CURRENT_SET = 's.model_id = $1::integer and s.name = $2::text'
const IS_MARK_OF = 'm.model_id = s.model_id and m.set_name = s.name and m.marked_at >= s.created_at'

const DRAWN = `
  select label, photo_id, score, place
    from label_sample($2::text, $3::integer, seed => $4::bigint, model => $1::integer::text)
    with ordinality as drawn (label, photo_id, score, place)`
/** By the margin: how much higher the score of the label is than that of the next one of the set. */
const DOUBTFUL = `
  select names.label, drawn.photo_id, drawn.score,
         row_number() over (order by names.position, drawn.margin, drawn.score, drawn.photo_id) as place
    from label_sets s
   cross join unnest(s.labels) with ordinality as names (label, position)
   cross join lateral (
      select l.photo_id, l.score,
             l.score - coalesce((select next from unnest(l.scores) as next order by next desc offset 1 limit 1), 0) as margin
        from label_rows l
       where l.version = s.version and l.label = names.label
         and not exists (select from label_marks m where m.photo_id = l.photo_id and m.label = l.label and ${IS_MARK_OF})
       order by margin, l.score, l.photo_id limit $3::integer) as drawn
   where ${CURRENT_SET}`
const TYPICAL = `
  select names.label, drawn.photo_id, drawn.score,
         row_number() over (order by names.position, drawn.score desc, drawn.photo_id) as place
    from label_sets s
   cross join unnest(s.labels) with ordinality as names (label, position)
   cross join lateral (
      select l.photo_id, l.score from label_rows l where l.version = s.version and l.label = names.label
       order by l.score desc, l.photo_id limit $3::integer) as drawn
   where ${CURRENT_SET}`
const reviewed = (photos: string): string => `
  select r.label, r.photo_id as "photoId", r.score, e.stored_key as "storedKey", m.correct as mark,
         coalesce(p.photo_title, p.photo_description, p.ai_description) as description
    from (${photos}) as r
    join label_sets s on ${CURRENT_SET}
    left join photos p on p.photo_id = r.photo_id
    left join embeddings e on e.model_id = $1::integer and e.photo_id = r.photo_id
    left join label_marks m on m.photo_id = r.photo_id and m.label = r.label and ${IS_MARK_OF}
   order by r.place`
const REVIEW_DRAWN = reviewed(DRAWN)
const REVIEW_DOUBTFUL = reviewed(DOUBTFUL)
const REVIEW_TYPICAL = reviewed(TYPICAL)

/** $3 to $6: the members of the marks. A photo that is removed meanwhile is waited for, and then has no label. */
const MARK = `
  insert into label_marks as known (photo_id, model_id, set_name, label, correct, at_random)
  select l.photo_id, s.model_id, s.name, l.label, given.correct, given.at_random
    from unnest($3::text[], $4::text[], $5::boolean[], $6::boolean[]) as given (photo_id, label, correct, at_random)
    join label_sets s on ${CURRENT_SET}
    join label_rows l on l.version = s.version and l.photo_id = given.photo_id and l.label = given.label
    join photos p on p.photo_id = l.photo_id
   order by l.photo_id
     for key share of p
  on conflict (photo_id, model_id, set_name, label) do update
     set correct = excluded.correct, marked_at = excluded.marked_at,
         at_random = excluded.at_random or (known.at_random and known.marked_at >= (
           select s.created_at from label_sets s where s.model_id = known.model_id and s.name = known.set_name))
  returning photo_id as "photoId", label`
const TAKE_BACK = `
  delete from label_marks m using unnest($3::text[], $4::text[]) as given (photo_id, label)
   where m.model_id = $1::integer and m.set_name = $2::text and m.photo_id = given.photo_id and m.label = given.label`

const COUNTS = `
  select m.label, count(*) as checked, count(*) filter (where m.correct) as correct
    from label_sets s
    join label_marks m on ${IS_MARK_OF} and m.at_random
    join label_rows l on l.version = s.version and l.photo_id = m.photo_id and l.label = m.label
   where ${CURRENT_SET}
   group by m.label`

/** LabelMarkRepository on Postgres. */
export class PostgresLabelMarkRepository implements LabelMarkRepository {
  constructor(private readonly database: Database) {}

  drawn(modelId: ModelId, setName: string, size: number, seed: number): Promise<LabelReviewSample[]> {
    return this.database.query<LabelReviewSample & Record<string, unknown>>(REVIEW_DRAWN, [
      modelId,
      setName,
      size,
      seed,
    ])
  }

  doubtful(modelId: ModelId, setName: string, size: number): Promise<LabelReviewSample[]> {
    return this.database.query<LabelReviewSample & Record<string, unknown>>(REVIEW_DOUBTFUL, [modelId, setName, size])
  }

  typical(modelId: ModelId, setName: string, size: number): Promise<LabelReviewSample[]> {
    return this.database.query<LabelReviewSample & Record<string, unknown>>(REVIEW_TYPICAL, [modelId, setName, size])
  }

  async mark(modelId: ModelId, setName: string, marks: readonly LabelMark[]): Promise<LabelMark[]> {
    // One statement changes a row once: the last mark counts.
    const all = [...new Map(marks.map(mark => [keyOf(mark), mark])).values()]
    const given = all.filter(({ correct }) => correct !== null)
    const back = all.filter(({ correct }) => correct === null)
    const columns = (list: readonly LabelMark[]) => [list.map(({ photoId }) => photoId), list.map(({ label }) => label)]
    return this.database.transaction(async session => {
      const stored = await session.query<{ photoId: string; label: string }>(MARK, [
        modelId,
        setName,
        ...columns(given),
        given.map(({ correct }) => correct),
        given.map(({ atRandom }) => atRandom),
      ])
      await session.query(TAKE_BACK, [modelId, setName, ...columns(back)])
      const known = new Set(stored.map(keyOf))
      return given.filter(mark => !known.has(keyOf(mark)))
    })
  }

  async counts(modelId: ModelId, setName: string): Promise<LabelMarkCount[]> {
    const rows = await this.database.query<LabelMarkCount & Record<string, unknown>>(COUNTS, [modelId, setName])
    return rows.map(({ label, checked, correct }) => ({ label, checked: Number(checked), correct: Number(correct) }))
  }
}

const keyOf = ({ photoId, label }: Pick<LabelMark, 'photoId' | 'label'>): string => JSON.stringify([photoId, label])
