import type { SpanningTree } from './spanning-tree.js'

/** A row or a cluster that leaves a cluster, at density lambda = 1 / distance. Rows are 0 … n - 1, clusters from n on. */
export interface Departure {
  parent: number
  child: number
  lambda: number
  /** Rows in the child. */
  size: number
}

/** A merge of two nodes; node n + i is the i-th merge. */
interface Merge {
  left: number
  right: number
  distance: number
  size: number
}

/**
 * The cluster hierarchy without splits that separate fewer than `minClusterSize` rows: such rows leave their cluster, which
 * goes on (McInnes, Healy and Astels 2017). The root is cluster n.
 */
export function condensedTree(tree: SpanningTree, minClusterSize: number): Departure[] {
  const merges = singleLinkage(tree)
  const n = merges.length + 1
  const departures: Departure[] = []
  const clusterOf = new Map([[2 * n - 2, n]])
  let next = n + 1
  const sizeOf = (node: number) => (node < n ? 1 : merges[node - n]!.size)
  const open = [2 * n - 2]
  // First in, first out: clusters are numbered level by level, so a child has a higher number than its parent.
  for (let at = 0; at < open.length; at++) {
    const node = open[at]!
    const { left, right, distance } = merges[node - n]!
    const parent = clusterOf.get(node)!
    const lambda = distance > 0 ? 1 / distance : Number.POSITIVE_INFINITY
    const children = [left, right]
    const isSplit = children.every(child => sizeOf(child) >= minClusterSize)
    for (const child of children) {
      const size = sizeOf(child)
      if (isSplit) {
        departures.push({ parent, child: next, lambda, size })
        clusterOf.set(child, next++)
      } else if (size >= minClusterSize) clusterOf.set(child, parent)
      else for (const row of rowsBelow(child, merges, n)) departures.push({ parent, child: row, lambda, size: 1 })
      if (size >= minClusterSize && child >= n) open.push(child)
    }
  }
  return departures
}

/** Single linkage: the edges of the tree by rising weight, each of which merges two nodes. */
function singleLinkage({ from, to, weight }: SpanningTree): Merge[] {
  const n = weight.length + 1
  const order = Array.from(weight.keys()).sort((a, b) => weight[a]! - weight[b]!)
  // Union-find over rows and merges.
  const above = new Int32Array(2 * n - 1).map((_, node) => node)
  const sizes = new Int32Array(2 * n - 1).fill(1, 0, n)
  const rootOf = (node: number): number => {
    let root = node
    while (above[root] !== root) root = above[root]!
    for (let each = node; above[each] !== root; ) {
      const next = above[each]!
      above[each] = root
      each = next
    }
    return root
  }
  return order.map((edge, i) => {
    const left = rootOf(from[edge]!)
    const right = rootOf(to[edge]!)
    const size = sizes[left]! + sizes[right]!
    above[left] = above[right] = n + i
    sizes[n + i] = size
    return { left, right, distance: weight[edge]!, size }
  })
}

function rowsBelow(node: number, merges: readonly Merge[], n: number): number[] {
  const rows: number[] = []
  const open = [node]
  for (let each = open.pop(); each !== undefined; each = open.pop())
    if (each < n) rows.push(each)
    else open.push(merges[each - n]!.left, merges[each - n]!.right)
  return rows
}
