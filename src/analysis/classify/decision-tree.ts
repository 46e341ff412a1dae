import type { Matrix } from '../matrix/matrix.js'
import type { BinnedColumns } from './binned-columns.js'
import { findSplit, type Split, SplitSearch, type TreeSamples } from './tree-split.js'

const LEAF = -1

/** A binary tree that is grown until its leaves are pure, as arrays by node. */
export interface DecisionTree {
  /** Column that decides; -1: a leaf. [nodes] */
  columns: Int32Array
  /** Values up to this one go to the left. [nodes] */
  bounds: Float32Array
  /** Node to the left; that to the right is the next one. [nodes] */
  lefts: Int32Array
  /** Share of each class among the training samples of a leaf. [nodes, classes] */
  shares: Float32Array
  classCount: number
}

/**
 * Grows a tree by CART with Gini impurity: every node is split at the best bound among some columns drawn at random.
 * @param places of the samples in `columns`, with repetitions; the order changes
 * @param columnsPerNode columns that are tried at a node, more where none of them divides its samples
 */
export function growTree(
  samples: TreeSamples,
  places: Int32Array,
  columnsPerNode: number,
  random: () => number,
): DecisionTree {
  const { columns: binned, classes, classCount } = samples
  // A tree with n leaves has 2n - 1 nodes.
  const most = 2 * places.length
  const tree = {
    columns: new Int32Array(most).fill(LEAF),
    bounds: new Float32Array(most),
    lefts: new Int32Array(most),
    shares: new Float32Array(most * classCount),
    classCount,
  }
  const search = new SplitSearch(samples, columnsPerNode, random)
  const open = [{ node: 0, first: 0, end: places.length }]
  let nodes = 1
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, first, end } = next
    const own = places.subarray(first, end)
    const counts = tree.shares.subarray(node * classCount, (node + 1) * classCount)
    for (const place of own) counts[classes[place]!]!++
    const split = counts.some(count => count === own.length) ? null : findSplit(search, own, counts)
    if (split === null) {
      for (let k = 0; k < classCount; k++) counts[k]! /= own.length
      continue
    }
    const middle = first + partition(own, binned, split)
    tree.columns[node] = split.column
    tree.bounds[node] = binned.bounds[split.column]![split.bin]!
    tree.lefts[node] = nodes
    open.push({ node: nodes, first, end: middle }, { node: nodes + 1, first: middle, end })
    nodes += 2
  }
  return {
    columns: tree.columns.slice(0, nodes),
    bounds: tree.bounds.slice(0, nodes),
    lefts: tree.lefts.slice(0, nodes),
    shares: tree.shares.slice(0, nodes * classCount),
    classCount,
  }
}

/** Moves the samples of the left side to the front. Returns their number. */
function partition(places: Int32Array, { bins, rows }: BinnedColumns, { column, bin }: Split): number {
  let left = 0
  for (let i = 0; i < places.length; i++) {
    const place = places[i]!
    if (bins[column * rows + place]! > bin) continue
    places[i] = places[left]!
    places[left++] = place
  }
  return left
}

/** Adds the shares of the leaf of each vector to the sums. @param sums [n, classes] */
export function addLeafShares(
  { columns, bounds, lefts, shares, classCount }: DecisionTree,
  vectors: Matrix,
  sums: Matrix,
): void {
  for (let i = 0; i < vectors.rows; i++) {
    let node = 0
    for (let column = columns[0]!; column !== LEAF; column = columns[node]!)
      node = lefts[node]! + (vectors.values[i * vectors.columns + column]! <= bounds[node]! ? 0 : 1)
    for (let k = 0; k < classCount; k++) sums.values[i * classCount + k]! += shares[node * classCount + k]!
  }
}
