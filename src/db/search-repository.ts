import { AppError, type PhotoFailureCode } from '../domain/errors.js'
import type { Hit, ModelId, PhotoDetails, SearchOptions, SearchRepository } from '../domain/ports/repository.js'
import type { Database } from './connection.js'
import { SELECT_PHOTO, toPhoto } from './photo-rows.js'
import { toVectorText } from './vector.js'

/**
 * Everything about the hits of `search_embeddings`, which alone decides what they are and in which order they come. Left
 * joins, so that it runs, and checks what it is given, also where there is nothing to join.
 */
const DETAILS = `
  select hit.score, ${SELECT_PHOTO}, e.stored_key,
         (select jsonb_object_agg(l.set_name, jsonb_build_object('label', l.label, 'score', l.score))
            from photo_labels l where l.model_id = $1 and l.photo_id = hit.photo_id) as labels
    from hit
    left join photos p on p.photo_id = hit.photo_id
    left join embeddings e on e.model_id = $1 and e.photo_id = hit.photo_id
   order by hit.rank`

const SEARCH = `with hit as (select * from search_embeddings($1, $6::vector, $2, $3, $4, $5)) ${DETAILS}`
const SIMILAR = `
  with hit as (select * from search_embeddings($1, embedding_of($1, $6), $2, $3, $4, $5, except_photo => $6)) ${DETAILS}`

const PHOTO = `select ${SELECT_PHOTO} from photos p where p.photo_id = $1`
const STATES = `
  select s.model_id, s.model, s.embedded_at, s.stored_key, s.code, s.message, s.attempts,
         (select jsonb_object_agg(l.set_name, jsonb_build_object(
                   'label', l.label, 'score', l.score,
                   'scores', (select jsonb_object_agg(label, score) from unnest(n.labels, l.scores) as each (label, score))))
            from photo_labels l join label_sets n on n.model_id = l.model_id and n.name = l.set_name
           where l.model_id = s.model_id and l.photo_id = s.photo_id) as labels
    from photo_status s where s.photo_id = $1 and s.state <> 'missing' order by s.model_id`

interface HitRow extends Record<string, unknown> {
  score: number
  photo_id: string
  stored_key: string | null
  labels: Hit['labels'] | null
}

interface StateRow extends Record<string, unknown> {
  model_id: ModelId
  model: string
  embedded_at: Date | null
  stored_key: string | null
  code: PhotoFailureCode | null
  message: string | null
  attempts: number | null
  labels: PhotoDetails['states'][number]['labels'] | null
}

/**
 * SearchRepository on Postgres: a thin layer over the SQL functions. Conditions are checked there.
 * Rejects with AppError FILTER_INVALID (what was expected, what was found), USAGE (k, offset, length of the query).
 */
export class PostgresSearchRepository implements SearchRepository {
  constructor(private readonly database: Database) {}

  async search(modelId: ModelId, query: Float32Array, options: SearchOptions): Promise<Hit[]> {
    return this.#hits(SEARCH, modelId, options, toVectorText(query))
  }

  async similar(modelId: ModelId, photoId: string, options: SearchOptions): Promise<Hit[]> {
    return this.#hits(SIMILAR, modelId, options, photoId)
  }

  async photo(photoId: string): Promise<PhotoDetails | null> {
    const [row] = await this.database.query(PHOTO, [photoId])
    if (row === undefined) return null
    const states = await this.database.query<StateRow>(STATES, [photoId])
    return {
      photo: toPhoto(row),
      states: states.map(state => ({
        modelId: state.model_id,
        modelKey: state.model,
        embeddedAt: state.embedded_at,
        storedKey: state.stored_key,
        failure:
          state.code === null
            ? null
            : { photoId, code: state.code, message: state.message!, attempts: state.attempts! },
        labels: state.labels ?? {},
      })),
    }
  }

  async #hits(sql: string, modelId: ModelId, options: SearchOptions, subject: string): Promise<Hit[]> {
    const { k, offset = 0, labels = [], where = [] } = options
    for (const [name, value] of Object.entries({ k, offset }))
      if (!Number.isInteger(value) || value > MAX_INTEGER)
        throw new AppError('USAGE', `${name} must be a whole number up to ${MAX_INTEGER}, found ${value}`)
    const rows = await this.database.query<HitRow>(sql, [
      modelId,
      k,
      offset,
      json(labels.map(({ set, label, minScore }) => ({ set, label, min_score: minScore }))),
      json(where),
      subject,
    ])
    return rows.map(row => ({
      photoId: row.photo_id,
      score: row.score,
      photo: toPhoto(row),
      labels: row.labels ?? {},
      storedKey: row.stored_key,
    }))
  }
}

const MAX_INTEGER = 2 ** 31 - 1

/** Postgres takes neither NUL nor half a surrogate pair, so no stored value holds them either. */
function json(conditions: readonly object[]): string {
  const text = JSON.stringify(conditions)
  if (/\\u(0000|d[89a-f]..)/.test(text))
    throw new AppError('FILTER_INVALID', `text without NUL and without half characters expected, found ${text}`)
  return text
}
