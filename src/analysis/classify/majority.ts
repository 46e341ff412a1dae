import { matrix } from '../matrix/matrix.js'
import type { Method } from './classifier.js'
import { classCounts } from './samples.js'

/** The baseline: every photo gets the most frequent class, with the share of each class as its probability. */
export const majority: Method = {
  name: 'majority baseline',
  async train(samples) {
    const shares = Float32Array.from(classCounts(samples), count => count / samples.classes.length)
    return {
      async probabilities({ rows }) {
        const all = matrix(rows, shares.length)
        for (let i = 0; i < rows; i++) all.values.set(shares, i * shares.length)
        return all
      },
    }
  },
}
