import { expect, test } from 'vitest'
import { clusterNames } from '../../../src/analysis/clusters/cluster-names.js'

test('a name has two words, more where another cluster has the same, and then a number', () => {
  expect(
    clusterNames([
      ['beach', 'sea', 'sand'],
      ['beach', 'sea', 'waves'],
      ['beach', 'sea'],
      ['Beach', 'Sea'],
    ]),
  ).toEqual(['beach, sea', 'beach, sea, waves', 'beach, sea 2', 'Beach, Sea 3'])
})

test('a cluster without words is named by its position, and none is kept for photos of no cluster', () => {
  expect(clusterNames([[], ['none'], [' ', 'a  dog ', 'a  dog']])).toEqual(['cluster 1', 'none 2', 'a dog'])
})
