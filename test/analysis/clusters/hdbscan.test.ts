import { afterAll, beforeAll, expect, test } from 'vitest'
import { clusterByDensity, HDBSCAN_ROWS } from '../../../src/analysis/clusters/density/cluster-by-density.js'
import { hdbscan } from '../../../src/analysis/clusters/density/hdbscan.js'
import { matrix } from '../../../src/analysis/matrix/matrix.js'
import { Products } from '../../../src/analysis/matrix/products.js'
import { blobs, sameGroups } from '../blobs.js'

let products: Products
beforeAll(async () => {
  products = await Products.open(1)
})
afterAll(() => products.close())

test('dense groups are clusters, and a row far from all is noise', async () => {
  const groups = blobs(201, 4, 3, 0.05)
  groups.values.set([50, 50, 50, 50], 200 * 4)
  const { assignment, membership, clusters } = await hdbscan(groups, { minClusterSize: 10 })
  expect(clusters).toBe(3)
  expect(assignment[200]).toBe(-1)
  expect(membership[200]).toBe(0)
  const inside = assignment.slice(0, 200).map((cluster, i) => (cluster < 0 ? i % 3 : cluster))
  expect(
    sameGroups(
      inside,
      Int32Array.from({ length: 200 }, (_, i) => inside[i % 3]!),
    ),
  ).toBe(true)
  expect(Math.max(...membership)).toBe(1)
})

test('too few rows, and rows without structure, have no cluster', async () => {
  expect((await hdbscan(blobs(4, 2, 1, 1), { minClusterSize: 5 })).clusters).toBe(0)
  expect((await hdbscan(matrix(1, 2), { minClusterSize: 2 })).clusters).toBe(0)
})

test('equal rows do no harm', async () => {
  const data = matrix(60, 2)
  for (let i = 30; i < 60; i++) data.values.set([5, 5], 2 * i)
  const { assignment, clusters } = await hdbscan(data, { minClusterSize: 5 })
  expect(clusters).toBe(2)
  expect(
    sameGroups(
      assignment,
      Int32Array.from({ length: 60 }, (_, i) => (i < 30 ? 0 : 1)),
    ),
  ).toBe(true)
})

test('a signal ends it', async () => {
  const signal = AbortSignal.abort(new Error('stopped'))
  await expect(hdbscan(blobs(100, 2, 2, 0.1), { minClusterSize: 5, signal })).rejects.toThrow('stopped')
})

test('of very many rows a sample is clustered, and the others follow', async () => {
  const rows = HDBSCAN_ROWS + 2000
  const found = await clusterByDensity(products, blobs(rows, 2, 3, 0.02), { minClusterSize: 500, seed: 1 })
  expect(found.clusters).toBe(3)
  const placed = Array.from(found.assignment.entries()).filter(([, cluster]) => cluster >= 0)
  expect(placed.length).toBeGreaterThan(0.9 * rows)
  expect(
    sameGroups(
      placed.map(([, cluster]) => cluster),
      placed.map(([row]) => row % 3),
    ),
  ).toBe(true)
})
