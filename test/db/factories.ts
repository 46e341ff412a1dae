import type { Database } from '../../src/db/connection.js'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import type { ModelIdentity } from '../../src/domain/model.js'
import { barePhoto, type Photo } from '../../src/domain/photo.js'
import type { ModelId } from '../../src/domain/ports/repository.js'
import { normalise } from '../../src/domain/similarity.js'

export { randomNumbers } from '../support/random-numbers.js'

export function aModel(changes: Partial<ModelIdentity> = {}): ModelIdentity {
  return {
    name: 'clip-test',
    precision: 'fp32',
    revision: 'abc',
    dimension: 4,
    scoring: 'softmax',
    logitScale: 100,
    logitBias: 0,
    ...changes,
  }
}

export function aPhoto(id: string, changes: Partial<Photo> = {}): Photo {
  return { ...barePhoto(id, `https://images.example/${id}`), ...changes }
}

export function randomVector(dimension: number, random: () => number): Float32Array {
  return normalise(Float32Array.from({ length: dimension }, random))
}

/** The nearest number of half precision, ties to even: what a halfvec holds. */
export function toHalf(value: number): number {
  const exponent = value === 0 ? -14 : Math.max(Math.floor(Math.log2(Math.abs(value))), -14)
  const step = 2 ** (exponent - 10)
  const scaled = value / step
  const floor = Math.floor(scaled)
  const rest = scaled - floor
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor
  return rounded * step
}

/** Photos with their embeddings, written as a worker would write them. */
export async function embedPhotos(
  database: Database,
  modelId: ModelId,
  photos: readonly Photo[],
  embeddings: readonly Float32Array[],
  labelSets: string[] = [],
): Promise<void> {
  const ingest = new PostgresIngestRepository(database)
  await ingest.upsertPhotos(photos)
  const pageSize = 250
  for (let from = 0; from < photos.length; from += pageSize)
    await ingest.recordOutcome({
      parentId: 'none',
      modelId,
      embedded: photos.slice(from, from + pageSize).map((photo, i) => ({
        photoId: photo.photo_id,
        embedding: embeddings[from + i]!,
        storedKey: null,
      })),
      failures: [],
      labelSets,
    })
}
