// A collection as the pipeline leaves it, made by SQL: photos with 512-d embeddings, labels of two sets, a country, words.
import { PostgresIngestRepository } from '../../dist/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../../dist/db/label-repository.js'
import { migrate } from '../../dist/db/migrate.js'

export const DIMENSION = 512
const MODEL = {
  ...{ name: 'bench', precision: 'fp32', revision: 'r', dimension: DIMENSION },
  ...{ scoring: 'softmax', logitScale: 100, logitBias: 0 },
}
export const SETS = [
  { name: 'taken_time', template: '{label}', labels: ['dawn', 'day', 'dusk', 'night'] },
  { name: 'taken_space', template: '{label}', labels: ['indoor', 'outdoor'] },
]
const PHOTOS_AT_ONCE = 5000

/** @returns the id of the model */
export async function fillCollection(database, ids) {
  await migrate(database)
  const labels = new PostgresLabelRepository(database)
  const modelId = await new PostgresIngestRepository(database).registerModel(MODEL)
  await database.query(
    `insert into photos (photo_id, photo_image_url, photo_location_country, photo_description)
     select id, 'https://photos.test/' || id, 'country ' || position % 10, 'photo ' || position % 100 || ' of a dog'
       from unnest($1::text[]) with ordinality as new (id, position)`,
    [ids],
  )
  await database.query(`insert into copy_folders values ('h512-q65')`)
  for (let from = 0; from < ids.length; from += PHOTOS_AT_ONCE)
    await embedRandomly(database, modelId, ids.slice(from, from + PHOTOS_AT_ONCE))
  for (const set of SETS) {
    await labels.savePrompts(modelId, set, set.labels.map(unitVector))
    await labels.labelPhotos(modelId, set.name)
  }
  await database.query('analyze')
  return modelId
}

export async function embedRandomly(database, modelId, ids, dimension = DIMENSION) {
  await database.query(
    `insert into embeddings (model_id, photo_id, embedding, stored_key)
     select $1, id, l2_normalize((select array_agg(random() - 0.5) from generate_series(1, $3) where id <> '')::vector)::halfvec,
            'h512-q65/' || id || '.jpg'
       from unnest($2::text[]) as new (id)`,
    [modelId, ids, dimension],
  )
}

export function unitVector() {
  const vector = Float32Array.from({ length: DIMENSION }, () => Math.random() - 0.5)
  const length = Math.hypot(...vector)
  return vector.map(value => value / length)
}

export function vectorText(vector) {
  return `[${Array.from(vector).join(',')}]`
}
