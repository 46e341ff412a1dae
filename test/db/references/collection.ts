import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresReferenceRepository } from '../../../src/db/references/reference-repository.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import { cosineSimilarity, normalise } from '../../../src/domain/similarity.js'
import { aModel, aPhoto, embedPhotos, randomNumbers, toHalf } from '../factories.js'

export const DIMENSION = 8
export const K = 4
/** Photos are written by the thousand: more than one range. */
export const PHOTOS = 3300
const TEXTS = 24

/** A photo of the tests, with the vector that the database holds. */
export interface TestPhoto {
  id: string
  vector: Float32Array
}

export interface Collection {
  modelId: ModelId
  photos: TestPhoto[]
  texts: { text: string; vector: Float32Array }[]
}

/** Components around zero, most of them along one axis: some photos are near to all texts. */
export function aVector(random: () => number, lean: number): Float32Array {
  const vector = Float32Array.from({ length: DIMENSION }, () => random() + random() - 1)
  vector[0] = vector[0]! + lean * random()
  return normalise(vector).map(toHalf)
}

/** Photos of which some are hubs, embedded as by a worker; and texts, not stored. */
export async function embedCollection(database: Database, { photos: count = PHOTOS } = {}): Promise<Collection> {
  const random = randomNumbers(11)
  const photos = Array.from({ length: count }, (_, i) => ({
    id: `photo-${String(i).padStart(4, '0')}`,
    vector: aVector(random, 2),
  }))
  // Every fourth photo is the one before it once more: ties.
  for (let i = 3; i < count; i += 4) photos[i]!.vector = photos[i - 1]!.vector
  const texts = Array.from({ length: TEXTS }, (_, i) => ({ text: `text ${i}`, vector: aVector(random, 1) }))
  const modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: DIMENSION }))
  await embedPhotos(
    database,
    modelId,
    photos.map(({ id }, i) => aPhoto(id, { exif_iso: i, ai_description: i % 3 === 0 ? 'a dog' : 'a cat' })),
    photos.map(({ vector }) => vector),
  )
  return { modelId, photos, texts }
}

/** Stores the texts as a reference set and compares all photos with them. @returns photos compared */
export async function compareAll(database: Database, { modelId, texts }: Collection, k = K): Promise<number> {
  const references = new PostgresReferenceRepository(database)
  const set = { texts: texts.map(({ text }) => text), k }
  await references.define(
    modelId,
    set,
    texts.map(({ vector }) => vector),
  )
  return references.compare(modelId)
}

/** Mean similarity of a photo to the k most similar texts. */
export function topMean(photo: Float32Array, texts: Collection['texts'], k = K): number {
  const scores = texts.map(({ vector }) => cosineSimilarity(vector, photo)).sort((a, b) => b - a)
  return scores.slice(0, k).reduce((sum, score) => sum + score, 0) / Math.min(k, scores.length)
}

export interface Ranked {
  id: string
  score: number
  correction: number
  place: number
}

/** All photos in the corrected order. @param floor of the reference set */
export function ranked({ photos, texts }: Collection, query: Float32Array, weight: number, floor: number): Ranked[] {
  return photos
    .map(({ id, vector }) => {
      const score = cosineSimilarity(vector, query)
      const correction = weight * Math.max(topMean(vector, texts), floor)
      return { id, score, correction, place: score - correction }
    })
    .sort((a, b) => b.place - a.place || (a.id < b.id ? -1 : 1))
}

/** The value that 99 of 100 photos exceed. */
export function floorOf({ photos, texts }: Collection): number {
  const sorted = photos.map(({ vector }) => topMean(vector, texts)).sort((a, b) => a - b)
  return sorted[Math.ceil(0.01 * sorted.length) - 1]!
}
