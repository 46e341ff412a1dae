import type { SampledPhoto, SampleQuery } from '../ports/index-repository.js'
import { normalise } from '../similarity.js'

/**
 * Makes the two groups of queries that an index for searches by image is tuned with: photos of the collection, each
 * excluded from its own results, and means of two of them. A photo of the collection is too easy a query where similar
 * photos come in groups: the index put it among its own neighbours. The mean of two photos lies between such groups, as
 * a photo does whose like the collection lacks.
 * @param photos a random sample of the collection
 * @returns groups of queries; a setting should serve each
 */
export function imageQueries(photos: readonly SampledPhoto[]): SampleQuery[][] {
  const inside = photos.map(({ photoId, vector }) => ({ vector, exceptPhoto: photoId }))
  const between = photos.flatMap(({ vector }, i) => {
    const other = photos[(i + 1) % photos.length]!.vector
    const sum = vector.map((value, d) => value + other[d]!)
    return sum.some(value => value !== 0) ? [{ vector: normalise(sum) }] : []
  })
  return [inside, between]
}
