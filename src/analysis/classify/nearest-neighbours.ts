import { type Matrix, matrix } from '../matrix/matrix.js'
import type { Classifier, Method, Workshop } from './classifier.js'
import type { Samples } from './samples.js'

/** As scikit-learn's KNeighborsClassifier has it. */
const NEIGHBOURS = 5

/**
 * K nearest neighbours: the probability of a class is its share among the nearest training vectors. For vectors of unit
 * length, where the order by cosine similarity is that by Euclidean distance.
 */
export const nearestNeighbours: Method = {
  name: `${NEIGHBOURS} nearest`,
  async train(samples) {
    return new NearestNeighbours(samples)
  },
}

class NearestNeighbours implements Classifier {
  constructor(private readonly known: Samples) {}

  async probabilities(vectors: Matrix, { products, signal }: Workshop): Promise<Matrix> {
    const { classes, classCount } = this.known
    const shares = matrix(vectors.rows, classCount)
    const count = Math.min(NEIGHBOURS, classes.length)
    const nearest = new Int32Array(count)
    const addShares = (block: Matrix, first: number): void => {
      for (let i = 0; i < block.rows; i++) {
        findLargest(block.values.subarray(i * block.columns, (i + 1) * block.columns), nearest)
        for (const place of nearest) shares.values[(first + i) * classCount + classes[place]!]! += 1 / count
      }
    }
    await products.byRows(vectors, this.known.vectors, addShares, { signal })
    return shares
  }
}

/** Fills `places` with the places of the largest values, the first of equal ones. */
function findLargest(values: Float32Array, places: Int32Array): void {
  let found = 0
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!
    if (found === places.length && value <= values[places[found - 1]!]!) continue
    let rank = found < places.length ? found++ : found - 1
    for (; rank > 0 && value > values[places[rank - 1]!]!; rank--) places[rank] = places[rank - 1]!
    places[rank] = at
  }
}
