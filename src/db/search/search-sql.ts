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

const HIT = 'rank, photo_id, score, correction'
const UNCORRECTED = 'null::double precision as correction'

/** $9: the vector; $10: its kind; $11: weight of the correction. */
export const BY_VECTOR = `
  with hit as (select ${HIT} from search_photos($9::vector, ${OPTIONS}, $10, $11)) ${DETAILS}`
/** $9: parts as JSON; $10: their kind; $11: weight of the correction. */
export const BY_PARTS = `
  with hit as (select ${HIT} from search_photos(combine($9, ${MODEL}), ${OPTIONS}, $10, $11)) ${DETAILS}`
/** $9: the prompt; $10: weight of the correction. */
export const BY_TEXT = `
  with hit as (select ${HIT} from search_text($9, ${OPTIONS}, $10)) ${DETAILS}`
/** $9: the photo. */
export const BY_PHOTO = `
  with hit as (select rank, similar_id as photo_id, score, ${UNCORRECTED} from similar_photos($9, ${OPTIONS})) ${DETAILS}`

/** $2 to $7: k, whether the newest come first, labels, filters, and place and id of the photo to go on after. */
export const BROWSE = `
  with hit as (
    select rank, photo_id, place as score, ${UNCORRECTED} from browse_photos($2, $3, $4, $5, ${MODEL}, $6, $7)) ${DETAILS}`

export const EMBEDDINGS = `
  select photo_id as id, embedding::text as vector from embeddings where model_id = $1 and photo_id = any ($2)`

export const HYBRID = `
  with hit as (
    select * from search_hybrid($2, $3, $4, $5, $6, ${MODEL}, min_score => $7, vector_weight => $8,
                                text_weight => $9, rrf_k => $10, depth => $11, query => $12::vector, kind => $13,
                                correction_weight => $14))
  select hit.vector_rank, hit.vector_score, hit.text_rank, hit.text_score, ${HIT_COLUMNS} ${HIT_SOURCE}`

/**
 * Counts of photos: of all that fulfil the conditions, or of those nearest to a vector, to a stored prompt, or to a
 * combination. $2 to $7: the subject, n, labels, filters, least score, kind.
 */
const COUNTED = `$3, $4, $5, ${MODEL}, min_score => $6, kind => $7`
const ofSubject = (statement: (query: string) => string) => ({
  vector: statement('$2::vector'),
  prompt: statement(`prompt_embedding($2, ${MODEL})`),
  parts: statement(`combine($2, ${MODEL})`),
})
/** $8: names of facets; $9: values per facet. */
export const FACETS = ofSubject(
  query => `select facet, value, photos, part from search_facets($8, ${query}, ${COUNTED}, top => $9)`,
)
/** $8: degrees of a cell; $9: most cells; $10: south, west, north and east of the box. */
export const PLACES = ofSubject(
  query => `
  select latitude, longitude, south, west, north, east, photos, placed
    from search_places($8, ${query}, ${COUNTED}, top => $9, box => $10)`,
)
/** $8: most words; $9: words to leave out. */
export const SHARED_WORDS = ofSubject(
  query => `
  select word, photos, hits, share_of_all as "shareOfAll"
    from shared_words(${query}, ${COUNTED}, top => $8, omitted => $9)`,
)
export const SHARED_CONCEPTS = ofSubject(
  query => `
  select concept as word, photos, hits, share_of_all as "shareOfAll"
    from shared_concepts(${query}, ${COUNTED}, top => $8, omitted => $9)`,
)

export const COUNT_EMBEDDINGS = 'select count(*) as photos from embeddings where model_id = $1'
/** $2: the last photo of the step before; $3: photos per step. */
export const END_OF_STEP = `
  select max(photo_id) as last, count(*) as photos
    from (select photo_id from embeddings where model_id = $1 and photo_id > $2 order by photo_id limit $3) as step`
export const DUPLICATE_METHOD = 'select duplicate_method($1, $2, $3, $4) as method'
export const DUPLICATE_PAIRS = `
  select photo_id as "photoId", other_id as "otherId", score
    from near_duplicates($2, ${MODEL}, $3, $4, $5, $6, after_photo => $7, up_to_photo => $8) limit $9`
/**
 * $2: photos; $3: photos that they are compared with, too; $4: the least similarity. Half precision first, as in
 * near_duplicates.
 */
export const PAIRS_AMONG = `
  with compared as materialized (
    select photo_id, embedding, photo_id = any ($2) as is_new, photo_id = any ($3) as is_known
      from embeddings where model_id = $1 and photo_id = any ($2::text[] || $3::text[]))
  select a.photo_id as "photoId", b.photo_id as "otherId", 1 - (a.embedding::vector <=> b.embedding::vector) as score
    from compared a
    join compared b on a.is_new and a.photo_id <> b.photo_id and (b.is_known or (b.is_new and b.photo_id > a.photo_id))
   where (a.embedding <=> b.embedding) <= 1.0001 - $4::double precision
     and 1 - (a.embedding::vector <=> b.embedding::vector) >= $4`
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
