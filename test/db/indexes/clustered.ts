import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { toVectorText } from '../../../src/db/vector.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import { normalise } from '../../../src/domain/similarity.js'
import { aModel, aPhoto, randomNumbers, toHalf } from '../factories.js'

export const DIMENSION = 32
const CLUSTERS = 60
const SPREAD = 0.9

const INSERT = `
  insert into embeddings (model_id, photo_id, embedding)
  select $1, photo_id, vector::halfvec from unnest($2::text[], $3::text[]) as new (photo_id, vector)`

export interface Clustered {
  modelId: ModelId
  /** As the database holds them: of half precision. */
  images: { id: string; embedding: Float32Array }[]
  /** In a cone of their own, as CLIP's texts are. */
  texts: Float32Array[]
}

/** Vectors in clusters, and texts that lie apart from all of them and yet nearer to some; the same for the same seed. */
export function clusteredVectors(images: number, texts: number, seed = 5) {
  const random = randomNumbers(seed)
  const gaussian = () => Array.from({ length: 6 }, random).reduce((sum, value) => sum + value, 0)
  const around = (centre: readonly number[], spread: number) =>
    normalise(Float32Array.from(centre, value => value + spread * gaussian()))
  const centres = Array.from({ length: CLUSTERS }, () => Array.from({ length: DIMENSION }, gaussian))
  const apart = Array.from({ length: DIMENSION }, gaussian)
  const centreOf = (i: number) => centres[i % CLUSTERS]!
  return {
    images: Array.from({ length: images }, (_, i) => around(centreOf(i), SPREAD)),
    texts: Array.from({ length: texts }, (_, i) => {
      const centre = centreOf(i).map((value, d) => 0.4 * value + 1.5 * apart[d]!)
      return around(centre, SPREAD / 3)
    }),
  }
}

/** A model with so many photos, and a run with it, so that it is the one that is searched. */
export async function embedClusters(database: Database, images: number, texts = 0): Promise<Clustered> {
  const ingest = new PostgresIngestRepository(database)
  const modelId = await ingest.registerModel(aModel({ dimension: DIMENSION }))
  const vectors = clusteredVectors(images, texts)
  const ids = vectors.images.map((_, i) => `photo-${i}`)
  await ingest.upsertPhotos(ids.map(id => aPhoto(id)))
  await database.query(INSERT, [modelId, ids, vectors.images.map(toVectorText)])
  await ingest.createRun({ id: 'run', modelId, source: 'clusters', options: {} })
  await ingest.finishEnqueue('run')
  return {
    modelId,
    images: vectors.images.map((embedding, i) => ({ id: ids[i]!, embedding: embedding.map(toHalf) })),
    texts: vectors.texts,
  }
}
