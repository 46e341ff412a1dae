import type { Matrix } from '../../matrix/matrix.js'
import { condensedTree, type Departure } from './condensed-tree.js'
import { reachabilityTree } from './spanning-tree.js'

export interface HdbscanOptions {
  /** Fewest rows of a cluster. */
  minClusterSize: number
  /** Rows that make a neighbourhood dense; default: minClusterSize. */
  minSamples?: number
  signal?: AbortSignal
}

export interface HdbscanResult {
  /** Cluster of each row, [n]; -1: noise. */
  assignment: Int32Array
  /** How firmly each row belongs to its cluster, in [0, 1], [n]; 0 for noise. */
  membership: Float64Array
  clusters: number
}

/**
 * HDBSCAN (Campello, Moulavi and Sander 2013) with clusters by excess of mass, as `hdbscan` and scikit-learn compute it by
 * default. Exact, in time n² d: for some 10,000 rows of few columns.
 * @param data [n, d], Euclidean distances
 */
export async function hdbscan(data: Matrix, options: HdbscanOptions): Promise<HdbscanResult> {
  const { minClusterSize, minSamples = minClusterSize, signal } = options
  const n = data.rows
  const nothing = { assignment: new Int32Array(n).fill(-1), membership: new Float64Array(n), clusters: 0 }
  if (n < Math.max(2, minSamples)) return nothing
  const departures = condensedTree(await reachabilityTree(data, minSamples, signal), minClusterSize)
  const chosen = stableClusters(departures, n)
  if (chosen.length === 0) return nothing
  return labelled(departures, chosen, n)
}

/** Clusters that outlive their descendants: none contains another. In the order of their numbers. */
function stableClusters(departures: readonly Departure[], root: number): number[] {
  const birth = new Map([[root, 0]])
  for (const { child, lambda } of departures) if (child >= root) birth.set(child, lambda)
  const stability = new Map([...birth.keys()].map(cluster => [cluster, 0]))
  const children = new Map<number, number[]>()
  for (const { parent, child, lambda, size } of departures) {
    // Rows at the same place leave at infinite density, and so may their cluster begin.
    const lasting = lambda === birth.get(parent) ? 0 : (lambda - birth.get(parent)!) * size
    stability.set(parent, stability.get(parent)! + lasting)
    if (child >= root) children.set(parent, [...(children.get(parent) ?? []), child])
  }
  const chosen = new Set<number>()
  const forget = (cluster: number) => {
    for (const child of children.get(cluster) ?? []) {
      chosen.delete(child)
      forget(child)
    }
  }
  // Children have higher numbers than their parents.
  for (const cluster of [...stability.keys()].sort((a, b) => b - a)) {
    if (cluster === root) continue
    const below = (children.get(cluster) ?? []).reduce((sum, child) => sum + stability.get(child)!, 0)
    if (below > stability.get(cluster)!) stability.set(cluster, below)
    else {
      chosen.add(cluster)
      forget(cluster)
    }
  }
  return [...chosen].sort((a, b) => a - b)
}

function labelled(departures: readonly Departure[], chosen: readonly number[], n: number): HdbscanResult {
  const numberOf = new Map(chosen.map((cluster, number) => [cluster, number]))
  // Parents come before their children.
  for (const { parent, child } of departures)
    if (child >= n && !numberOf.has(child) && numberOf.has(parent)) numberOf.set(child, numberOf.get(parent)!)
  const last = new Float64Array(chosen.length)
  for (const { parent, lambda } of departures) {
    const number = numberOf.get(parent)
    if (number !== undefined && parent === chosen[number]) last[number] = Math.max(last[number]!, lambda)
  }
  const assignment = new Int32Array(n).fill(-1)
  const membership = new Float64Array(n)
  for (const { parent, child, lambda } of departures) {
    const number = numberOf.get(parent)
    if (child >= n || number === undefined) continue
    assignment[child] = number
    membership[child] = lambda >= last[number]! ? 1 : lambda / last[number]!
  }
  return { assignment, membership, clusters: chosen.length }
}
