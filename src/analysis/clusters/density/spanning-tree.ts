import { breather } from '../../event-loop.js'
import type { Matrix } from '../../matrix/matrix.js'

/** Edges of a tree over n rows, [n - 1] each. */
export interface SpanningTree {
  from: Int32Array
  to: Int32Array
  /** Mutual reachability distance of the two rows. */
  weight: Float64Array
}

/**
 * Minimum spanning tree of the mutual reachability distances: the largest of the Euclidean distance of two rows and of the
 * core distances of both. The core distance of a row is that to its `minSamples`-th nearest row, itself included (Campello,
 * Moulavi and Sander 2013). By Prim's algorithm, in time n² d and memory n.
 */
export async function reachabilityTree(data: Matrix, minSamples: number, signal?: AbortSignal): Promise<SpanningTree> {
  const { rows } = data
  const core = await coreDistances(data, minSamples, signal)
  const breath = breather(signal)
  const tree = {
    from: new Int32Array(rows - 1),
    to: new Int32Array(rows - 1),
    weight: new Float64Array(rows - 1),
  }
  const least = new Float64Array(rows).fill(Number.POSITIVE_INFINITY)
  const source = new Int32Array(rows)
  const isReached = new Uint8Array(rows)
  const distances = new Float64Array(rows)
  for (let edge = 0, current = 0; edge < rows - 1; edge++) {
    isReached[current] = 1
    distancesFrom(data, current, distances)
    let next = -1
    for (let row = 0; row < rows; row++) {
      if (isReached[row]) continue
      const reach = Math.max(distances[row]!, core[current]!, core[row]!)
      if (reach < least[row]!) {
        least[row] = reach
        source[row] = current
      }
      if (next < 0 || least[row]! < least[next]!) next = row
    }
    tree.from[edge] = source[next]!
    tree.to[edge] = next
    tree.weight[edge] = least[next]!
    current = next
    await breath()
  }
  return tree
}

async function coreDistances(data: Matrix, minSamples: number, signal?: AbortSignal): Promise<Float64Array> {
  const breath = breather(signal)
  const core = new Float64Array(data.rows)
  const distances = new Float64Array(data.rows)
  for (let row = 0; row < data.rows; row++) {
    distancesFrom(data, row, distances)
    core[row] = smallest(distances, minSamples)
    await breath()
  }
  return core
}

function distancesFrom({ rows, columns, values }: Matrix, row: number, distances: Float64Array): void {
  const own = values.subarray(row * columns, (row + 1) * columns)
  for (let other = 0, at = 0; other < rows; other++) {
    let sum = 0
    for (let j = 0; j < columns; j++, at++) {
      const difference = values[at]! - own[j]!
      sum += difference * difference
    }
    distances[other] = Math.sqrt(sum)
  }
}

/** The `place`-th smallest value, from 1. */
function smallest(values: Float64Array, place: number): number {
  // In rising order. Few values enter, so inserting them costs less than a sort.
  const kept = new Float64Array(place).fill(Number.POSITIVE_INFINITY)
  for (const value of values) {
    if (value >= kept[place - 1]!) continue
    let at = place - 1
    for (; at > 0 && kept[at - 1]! > value; at--) kept[at] = kept[at - 1]!
    kept[at] = value
  }
  return kept[place - 1]!
}
