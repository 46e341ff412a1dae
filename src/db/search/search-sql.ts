import { HIT_COLUMNS, HIT_SOURCE } from './hit-rows.js'

/**
 * The statements of `PostgresSearchRepository`. Each calls a documented function (docs/reference/sql.md), which decides on
 * the hits and their order; the statement adds metadata and labels. $1 is the id of the model, which the functions take
 * as its name.
 */
const MODEL = '$1::integer::text'
const DETAILS = `select ${HIT_COLUMNS} ${HIT_SOURCE}`

/** $2 to $8: k, offset, labels, filters, least score, and score and id of the hit to go on after. $9: the subject. */
const OPTIONS = `$2, $3, $4, $5, ${MODEL}, $6, $7, $8`

/** $9: the vector; $10: its kind. */
export const BY_VECTOR = `
  with hit as (select rank, photo_id, score from search_photos($9::vector, ${OPTIONS}, $10)) ${DETAILS}`
/** $9: parts as JSON; $10: their kind. */
export const BY_PARTS = `
  with hit as (select rank, photo_id, score from search_photos(combine($9, ${MODEL}), ${OPTIONS}, $10)) ${DETAILS}`
/** $9: the prompt. */
export const BY_TEXT = `
  with hit as (select rank, photo_id, score from search_text($9, ${OPTIONS})) ${DETAILS}`
/** $9: the photo. */
export const BY_PHOTO = `
  with hit as (select rank, similar_id as photo_id, score from similar_photos($9, ${OPTIONS})) ${DETAILS}`

/** $2 to $7: k, whether the newest come first, labels, filters, and place and id of the photo to go on after. */
export const BROWSE = `
  with hit as (select rank, photo_id, place as score from browse_photos($2, $3, $4, $5, ${MODEL}, $6, $7)) ${DETAILS}`

export const EMBEDDINGS = `
  select photo_id as id, embedding::text as vector from embeddings where model_id = $1 and photo_id = any ($2)`

export const HYBRID = `
  with hit as (
    select * from search_hybrid($2, $3, $4, $5, $6, ${MODEL}, min_score => $7, vector_weight => $8,
                                text_weight => $9, rrf_k => $10, depth => $11, query => $12::vector, kind => $13))
  select hit.vector_rank, hit.vector_score, hit.text_rank, hit.text_score, ${HIT_COLUMNS} ${HIT_SOURCE}`

const facets = (query: string) => `
  select facet, value, photos, part
    from search_facets($2, ${query}, $4, $5, $6, ${MODEL}, top => $7, min_score => $8, kind => $9)`
/** $3: a vector, or null for all photos. */
export const FACETS_BY_VECTOR = facets('$3::vector')
/** $3: a prompt. */
export const FACETS_BY_TEXT = facets(`prompt_embedding($3, ${MODEL})`)

export const COUNT_EMBEDDINGS = 'select count(*) as photos from embeddings where model_id = $1'
/** $2: the last photo of the step before; $3: photos per step. */
export const END_OF_STEP = `
  select max(photo_id) as last, count(*) as photos
    from (select photo_id from embeddings where model_id = $1 and photo_id > $2 order by photo_id limit $3) as step`
export const DUPLICATE_METHOD = 'select duplicate_method($1, $2, $3, $4) as method'
export const DUPLICATE_PAIRS = `
  select photo_id as "photoId", other_id as "otherId", score
    from near_duplicates($2, ${MODEL}, $3, $4, $5, $6, after_photo => $7, up_to_photo => $8) limit $9`
export const DUPLICATE_GROUPS = `
  select representative_id as "representativeId", photo_id as "photoId", score from group_pairs($2, $3, ${MODEL})`

/** $1: the photo. */
export const PHOTO_STATES = `
  select s.model_id, s.model, s.embedded_at, s.stored_key, s.code, s.message, s.attempts,
         (select jsonb_object_agg(l.set_name, jsonb_build_object(
                   'label', l.label, 'score', l.score,
                   'scores', (select jsonb_object_agg(label, score) from unnest(n.labels, l.scores) as each (label, score))))
            from photo_labels l join label_sets n on n.model_id = l.model_id and n.name = l.set_name
           where l.model_id = s.model_id and l.photo_id = s.photo_id) as labels
    from photo_status s where s.photo_id = $1 and s.state <> 'missing' order by s.model_id`
