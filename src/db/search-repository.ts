import type { PhotoFailureCode } from '../domain/errors.js'
import type { ModelId } from '../domain/ports/repository.js'
import type { Hit, PhotoDetails, SearchOptions, SearchRepository } from '../domain/ports/search.js'
import type { Database } from './connection.js'
import {
  filtersJson,
  HIT_COLUMNS,
  HIT_SOURCE,
  type HitRow,
  labelsJson,
  requireIntegers,
  requireNumbers,
  toHit,
} from './hits.js'
import { SELECT_PHOTO, toPhoto } from './photo-rows.js'
import { toVectorText } from './vector.js'

/** `search_embeddings` alone decides what the hits are and in which order they come. */
const DETAILS = `select ${HIT_COLUMNS} ${HIT_SOURCE}`
const PAGE = 'min_score => $6, after_score => $7, after_photo => $8'
const SEARCH = `
  with hit as (select * from search_embeddings($1, $9::vector, $2, $3, $4, $5, kind => $10, ${PAGE})) ${DETAILS}`
const SIMILAR = `
  with hit as (select * from search_embeddings($1, embedding_of($1, $9), $2, $3, $4, $5, except_photo => $9,
                                               kind => 'image', ${PAGE})) ${DETAILS}`

const PHOTO = `select ${SELECT_PHOTO} from photos p where p.photo_id = $1`
const STATES = `
  select s.model_id, s.model, s.embedded_at, s.stored_key, s.code, s.message, s.attempts,
         (select jsonb_object_agg(l.set_name, jsonb_build_object(
                   'label', l.label, 'score', l.score,
                   'scores', (select jsonb_object_agg(label, score) from unnest(n.labels, l.scores) as each (label, score))))
            from photo_labels l join label_sets n on n.model_id = l.model_id and n.name = l.set_name
           where l.model_id = s.model_id and l.photo_id = s.photo_id) as labels
    from photo_status s where s.photo_id = $1 and s.state <> 'missing' order by s.model_id`

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
    return this.#hits(SEARCH, modelId, options, toVectorText(query), options.kind ?? 'text')
  }

  async similar(modelId: ModelId, photoId: string, options: Omit<SearchOptions, 'kind'>): Promise<Hit[]> {
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

  /** @param subject the query vector and its kind, or the photo */
  async #hits(sql: string, modelId: ModelId, options: SearchOptions, ...subject: string[]): Promise<Hit[]> {
    const { k, offset = 0, labels = [], where = [], minScore, after } = options
    requireIntegers({ k, offset })
    requireNumbers({ minScore, 'after.score': after?.score })
    const rows = await this.database.query<HitRow>(sql, [
      modelId,
      k,
      offset,
      labelsJson(labels),
      filtersJson(where),
      minScore ?? null,
      after?.score ?? null,
      after?.photoId ?? null,
      ...subject,
    ])
    return rows.map(toHit)
  }
}
