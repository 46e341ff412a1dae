import { type Matrix, pickRows } from '../matrix/matrix.js'

/** Vectors with known classes. */
export interface Samples {
  /** [n, dimension] */
  vectors: Matrix
  /** Class of each vector, from 0 to before `classCount`. [n] */
  classes: Int32Array
  classCount: number
}

/** The samples at these places, in this order. */
export function pickSamples({ vectors, classes, classCount }: Samples, places: ArrayLike<number>): Samples {
  return {
    vectors: pickRows(vectors, places),
    classes: Int32Array.from(places, place => classes[place]!),
    classCount,
  }
}

/** Number of samples per class, [classes]. */
export function classCounts({ classes, classCount }: Pick<Samples, 'classes' | 'classCount'>): Int32Array {
  const counts = new Int32Array(classCount)
  for (const each of classes) counts[each]!++
  return counts
}
