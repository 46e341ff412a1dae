import { breather } from '../event-loop.js'
import { type Matrix, matrix } from '../matrix/matrix.js'
import { randomFrom } from '../random.js'
import { binColumns } from './binned-columns.js'
import type { Classifier, Method, Workshop } from './classifier.js'
import { addLeafShares, type DecisionTree, growTree } from './decision-tree.js'

/**
 * As scikit-learn's RandomForestClassifier: trees on bootstrap samples, with the root of the number of columns per
 * node.
 */
const TREES = 100

/**
 * A random forest (Breiman, doi:10.1023/A:1010933404324): the probability of a class is the mean of its shares in the
 * leaves.
 */
export const randomForest: Method = {
  name: 'random forest',
  async train({ vectors, classes, classCount }, { seed, signal }) {
    const samples = { columns: binColumns(vectors), classes, classCount }
    const columnsPerNode = Math.max(1, Math.floor(Math.sqrt(vectors.columns)))
    const random = randomFrom(seed)
    const breath = breather(signal)
    const trees: DecisionTree[] = []
    for (let tree = 0; tree < TREES; tree++) {
      await breath()
      const drawn = Int32Array.from({ length: vectors.rows }, () => Math.floor(random() * vectors.rows))
      trees.push(growTree(samples, drawn, columnsPerNode, random))
    }
    return new RandomForest(trees, classCount)
  },
}

class RandomForest implements Classifier {
  constructor(
    private readonly trees: readonly DecisionTree[],
    private readonly classCount: number,
  ) {}

  async probabilities(vectors: Matrix, { signal }: Workshop): Promise<Matrix> {
    const sums = matrix(vectors.rows, this.classCount)
    const breath = breather(signal)
    for (const tree of this.trees) {
      await breath()
      addLeafShares(tree, vectors, sums)
    }
    for (let i = 0; i < sums.values.length; i++) sums.values[i]! /= this.trees.length
    return sums
  }
}
