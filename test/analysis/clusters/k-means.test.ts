import { afterAll, beforeAll, expect, test } from 'vitest'
import { bestOf, compareK } from '../../../src/analysis/clusters/choose-k.js'
import { kMeans } from '../../../src/analysis/clusters/k-means.js'
import { silhouettes } from '../../../src/analysis/clusters/silhouette.js'
import { representatives, sortedClusters } from '../../../src/analysis/clusters/sorted-clusters.js'
import { matrix } from '../../../src/analysis/matrix/matrix.js'
import { Products } from '../../../src/analysis/matrix/products.js'
import { blobs, sameGroups } from '../blobs.js'

let products: Products
beforeAll(async () => {
  products = await Products.open(1)
})
afterAll(() => products.close())

const groupsOf = (rows: number, groups: number) => Int32Array.from({ length: rows }, (_, i) => i % groups)

test('k-means finds groups that are far apart, and their means', async () => {
  const data = blobs(600, 8, 5, 0.1)
  const { assignment, centres, inertia } = await kMeans(products, data, { k: 5, starts: 5, seed: 1 })
  expect(sameGroups(assignment, groupsOf(600, 5))).toBe(true)
  let sum = 0
  for (let i = 0; i < 600; i++)
    for (let j = 0; j < 8; j++) sum += (data.values[i * 8 + j]! - centres.values[assignment[i]! * 8 + j]!) ** 2
  expect(inertia).toBeCloseTo(sum, 6)
})

test('the same seed gives the same clusters', async () => {
  const data = blobs(300, 4, 3, 2)
  const [one, two] = [
    await kMeans(products, data, { k: 7, starts: 2, seed: 5 }),
    await kMeans(products, data, { k: 7, starts: 2, seed: 5 }),
  ]
  expect(one.assignment).toEqual(two.assignment)
})

test('no cluster is empty, also where many rows are equal', async () => {
  const data = matrix(10, 2, Float32Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1))
  const { assignment, inertia } = await kMeans(products, data, { k: 4, starts: 1, seed: 1 })
  expect(new Set(assignment).size).toBe(4)
  expect(inertia).toBe(0)
})

test('as many clusters as rows have no inertia; more are refused', async () => {
  const data = blobs(6, 3, 2, 1)
  expect((await kMeans(products, data, { k: 6, starts: 1, seed: 1 })).inertia).toBeCloseTo(0, 10)
  await expect(kMeans(products, data, { k: 7, starts: 1, seed: 1 })).rejects.toThrow('expected at least 7 rows')
})

test('a signal ends it', async () => {
  const controller = new AbortController()
  const onIteration = () => controller.abort(new Error('stopped'))
  const options = { k: 9, starts: 50, seed: 1, signal: controller.signal, onIteration }
  await expect(kMeans(products, blobs(500, 8, 9, 3), options)).rejects.toThrow('stopped')
})

test('the silhouette is that of the definition', async () => {
  const data = blobs(60, 3, 3, 0.8)
  const assignment = groupsOf(60, 4)
  const distance = (a: number, b: number) =>
    Math.hypot(...[0, 1, 2].map(j => data.values[a * 3 + j]! - data.values[b * 3 + j]!))
  const rows = Array.from({ length: 60 }, (_, i) => i)
  const meanTo = (row: number, cluster: number) => {
    const others = rows.filter(other => other !== row && assignment[other] === cluster)
    return others.reduce((sum, other) => sum + distance(row, other), 0) / others.length
  }
  const each = rows.map(row => {
    const a = meanTo(row, assignment[row]!)
    const b = Math.min(...[0, 1, 2, 3].filter(c => c !== assignment[row]).map(c => meanTo(row, c)))
    return (b - a) / Math.max(a, b)
  })
  const expected = each.reduce((sum, value) => sum + value, 0) / 60
  const [found, single] = await silhouettes(products, data, [assignment, new Int32Array(60)])
  expect(found).toBeCloseTo(expected, 6)
  expect(single).toBeNaN()
})

test('the number of groups has the best silhouette', async () => {
  const tried = await compareK(products, blobs(400, 6, 4, 0.2), [2, 3, 4, 5, 6], { starts: 4, seed: 0 })
  expect(bestOf(tried).k).toBe(4)
  const inertias = tried.map(({ inertia }) => inertia)
  expect(inertias).toEqual(inertias.toSorted((a, b) => b - a))
})

test('clusters come by falling size, with their most typical rows first', () => {
  const data = matrix(4, 2, Float32Array.of(1, 0, 0, 1, 0.6, 0.8, 0, 1))
  const clusters = sortedClusters(data, Int32Array.of(0, 1, 1, 1), 2)
  expect(clusters.sizes).toEqual([3, 1])
  expect([...clusters.assignment]).toEqual([1, 0, 0, 0])
  expect(representatives(data, clusters, 0)).toEqual([1, 3, 2])
})
