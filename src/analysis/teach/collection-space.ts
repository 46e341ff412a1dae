import { columnMeans, type Matrix, matrix, rowOf, rowsOf } from '../matrix/matrix.js'
import type { Products } from '../matrix/products.js'
import { Cholesky } from './cholesky.js'

/**
 * Added to the variance of each direction, as a multiple of the mean variance. Chosen on CLIP vectors of 700 photos:
 * bench/teach.
 */
const SHRINKAGE = 10
/** Vectors whose mean length becomes 1. */
const MEASURED = 300

/**
 * Coordinates in which the vectors of a collection have the mean 0 and no direction dominates: z = L⁻¹ (x − mean) /
 * scale, where L · Lᵀ is their covariance plus a multiple of the identity. What all photos have in common says nothing
 * about a label, and few examples cannot tell it from what matters.
 */
export class CollectionSpace {
  private constructor(
    private readonly mean: Float64Array,
    private readonly factor: Cholesky,
    private readonly scale: number,
  ) {}

  /** @param vectors of photos drawn at random, [n, dimension] */
  static async of(vectors: Matrix, products: Products): Promise<CollectionSpace> {
    const { rows, columns } = vectors
    const mean = columnMeans(vectors)
    const centred = matrix(
      rows,
      columns,
      Float32Array.from(vectors.values, (value, at) => value - mean[at % columns]!),
    )
    const covariance = await products.ofColumns(centred, centred)
    let variance = 0
    for (let j = 0; j < columns; j++) variance += covariance[j * columns + j]!
    // Equal photos have no variance, and any direction will do.
    const added = (SHRINKAGE * variance) / columns || 1
    for (let j = 0; j < columns; j++) covariance[j * columns + j]! += added
    for (let at = 0; at < covariance.length; at++) covariance[at]! /= rows
    const space = new CollectionSpace(mean, Cholesky.of(columns, covariance), 1)
    const measured = Math.min(rows, MEASURED)
    const lengths = space.enter(rowsOf(vectors, 0, measured)).values.reduce((sum, value) => sum + value * value, 0)
    return new CollectionSpace(mean, space.factor, Math.sqrt(lengths / measured) || 1)
  }

  /** Turns vectors into coordinates. @returns [n, dimension] */
  enter(vectors: Matrix): Matrix {
    const coordinates = matrix(vectors.rows, vectors.columns)
    for (let i = 0; i < vectors.rows; i++) {
      const z = Float64Array.from(rowOf(vectors, i), (value, j) => value - this.mean[j]!)
      this.factor.solveLower(z)
      for (let j = 0; j < z.length; j++) coordinates.values[i * z.length + j] = z[j]! / this.scale
    }
    return coordinates
  }

  /** Turns a linear function of coordinates into the same function of vectors. */
  leave(weights: Float32Array, bias: number): { weights: Float32Array; bias: number } {
    const own = Float64Array.from(weights, value => value / this.scale)
    this.factor.solveUpper(own)
    let moved = bias
    for (let j = 0; j < own.length; j++) moved -= own[j]! * this.mean[j]!
    return { weights: Float32Array.from(own), bias: moved }
  }
}
