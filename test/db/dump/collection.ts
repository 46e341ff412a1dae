import type { Database } from '../../../src/db/connection.js'
import { toVectorText } from '../../../src/db/vector.js'
import { randomNumbers } from '../factories.js'
import { type Clustered, clusteredVectors, DIMENSION, embedClusters } from '../indexes/clustered.js'

const PHOTOS = 1200
const QUERIES = 200

/** Something in every table that is copied: odd texts, arrays of vectors, nulls, fractions of seconds. */
const FILL = [
  `update photos set photo_description = case when photo_id ~ '7$' then E'tab\\t, break\\n, "quotes", \\\\ and Étang' else 'a dog in the snow' end,
          photo_location_latitude = length(photo_id) / 3.0, photo_submitted_at = '2014-11-18 19:36:57.08945'`,
  `insert into photo_keywords (photo_id, keyword) select photo_id, 'snow' from photos where photo_id ~ '3$'`,
  `insert into photo_colors (photo_id, hex, keyword) select photo_id, 'FF00AA', 'pink' from photos limit 5`,
  `insert into photo_collections (photo_id, collection_id, collection_title) select photo_id, '17', 'Winter' from photos limit 5`,
  `insert into photo_conversions (converted_at, photo_id, keyword) select '2020-02-29 23:59:59.999999', photo_id, 'dog' from photos limit 5`,
  `insert into failures (model_id, photo_id, code, message, attempts)
   select 1, photo_id, 'HTTP_404', E'not\\nfound', 1 from photos where photo_id = 'photo-5'`,
  `insert into batches (id, run_id, model_id, photo_ids, photo_count) values ('batch', 'run', 1, array['photo-1', 'a,"b"'], 2)`,
  `insert into parked_batches (id, batch_id, run_id, batch) values ('job', 'batch', 'run', '{"a": [1, "ü"]}')`,
  `insert into prompt_embeddings (model_id, prompt, embedding) select 1, 'a dog', embedding::vector from embeddings limit 1`,
  `select define_label_set('coat', 'a {label} dog', array['black', 'white'],
     array(select embedding::vector from embeddings order by photo_id limit 2))`,
  `select label_photos('coat')`,
  `insert into label_marks (photo_id, model_id, set_name, label, correct, at_random)
   select photo_id, 1, 'coat', label, score > 0.6, true from photo_labels where photo_id ~ '5$'`,
  `insert into label_changes (model_id, set_name, template, labels, prompts)
   select 1, 'coat', 'one {label} dog', array['grey'], array(select embedding::vector from embeddings order by photo_id limit 1)`,
  `select define_references(array['a dog', 'a cat', E'odd\\ttext'], array(select embedding::vector from embeddings order by photo_id limit 3), 2)`,
  'call score_references()',
  'select use_correction(0.5)',
  `insert into search_model (model_id) values (1)`,
  `insert into api_keys (id, name, scope, digest) values ('0123abcd', 'Laptop, "own"', 'read', sha256('key'))`,
  `create index embeddings_m1_ivfflat on embeddings_m1 using ivfflat ((embedding::halfvec(${DIMENSION})) halfvec_cosine_ops) with (lists=10)`,
  `insert into search_settings (model_id, query_kind, method) values (1, 'image', 'exact')`,
]

/** Fills a migrated database. */
export async function fillCollection(database: Database): Promise<Clustered> {
  const collection = await embedClusters(database, PHOTOS)
  for (const statement of FILL) await database.query(statement)
  return collection
}

/** The ten best photos of 200 queries: by vector, with conditions, and by words as well. */
export async function answersOf(database: Database): Promise<{ ids: string[][]; scores: number[] }> {
  const random = randomNumbers(11)
  const { texts } = clusteredVectors(1, QUERIES, 11)
  const ids: string[][] = []
  const scores: number[] = []
  for (const vector of texts) {
    const filter = random() < 0.5 ? '[]' : '[{"column": "photo_description", "operator": "~", "value": "étang"}]'
    const statement =
      random() < 0.3
        ? `select photo_id, score from search_hybrid('dog snow', 10, query => $1, filters => $2) order by rank`
        : 'select photo_id, score from search_photos($1, 10, filters => $2) order by rank'
    const rows = await database.query<{ photo_id: string; score: number }>(statement, [toVectorText(vector), filter])
    ids.push(rows.map(row => row.photo_id))
    scores.push(...rows.map(row => row.score))
  }
  return { ids, scores }
}
