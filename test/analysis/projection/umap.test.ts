import { afterAll, beforeAll, expect, test } from 'vitest'
import { Products } from '../../../src/analysis/matrix/products.js'
import { nearestNeighbours } from '../../../src/analysis/projection/neighbours.js'
import { projectOntoPlane } from '../../../src/analysis/projection/project.js'
import { fuzzyGraph } from '../../../src/analysis/projection/umap/fuzzy-graph.js'
import { blobs } from '../blobs.js'

let products: Products
beforeAll(async () => {
  products = await Products.open(1)
})
afterAll(() => products.close())

test('the nearest neighbours are those of the definition, over several blocks', async () => {
  const data = blobs(9000, 5, 4, 1)
  const { rows, distances } = await nearestNeighbours(data, 6)
  for (const row of [0, 511, 512, 8191, 8192, 8999]) {
    const all = Array.from({ length: 9000 }, (_, other) => ({
      other,
      distance: Math.hypot(...[0, 1, 2, 3, 4].map(j => data.values[row * 5 + j]! - data.values[other * 5 + j]!)),
    }))
    const expected = all
      .filter(({ other }) => other !== row)
      .sort((a, b) => a.distance - b.distance)
      .slice(0, 6)
    expect([...rows.subarray(row * 6, row * 6 + 6)]).toEqual(expected.map(({ other }) => other))
    for (const [i, { distance }] of expected.entries()) expect(distances[row * 6 + i]).toBeCloseTo(distance, 2)
  }
  await expect(nearestNeighbours(blobs(3, 2, 1, 1), 3)).rejects.toThrow('expected fewer neighbours than the 3 rows')
})

test('the fuzzy graph names each pair in both directions, and the nearest neighbour is certain', async () => {
  const graph = fuzzyGraph(await nearestNeighbours(blobs(300, 5, 3, 0.5), 10))
  const weightOf = new Map(Array.from(graph.from, (from, i) => [`${from} ${graph.to[i]}`, graph.weight[i]!]))
  expect(weightOf.size).toBe(graph.from.length)
  for (const [i, from] of graph.from.entries()) {
    expect(weightOf.get(`${graph.to[i]} ${from}`)).toBe(graph.weight[i])
    expect(graph.weight[i]).toBeGreaterThan(0)
    expect(graph.weight[i]).toBeLessThanOrEqual(1)
  }
  for (let row = 0; row < 300; row++)
    expect(Math.max(...graph.weight.filter((_, i) => graph.from[i] === row))).toBeCloseTo(1, 5)
})

test('UMAP keeps groups together, and the same seed gives the same map', async () => {
  const data = blobs(400, 10, 4, 0.2)
  const options = { method: 'umap', neighbours: 10, seed: 3 } as const
  const [{ points, parameters }, again] = [
    await projectOntoPlane(products, data, options),
    await projectOntoPlane(products, data, options),
  ]
  expect(parameters).toEqual({ neighbours: 10, seed: 3 })
  expect(points).toEqual(again.points)
  let same = 0
  for (let row = 0; row < 400; row++) {
    let nearest = -1
    let least = Number.POSITIVE_INFINITY
    for (let other = 0; other < 400; other++) {
      const distance = Math.hypot(points[2 * row]! - points[2 * other]!, points[2 * row + 1]! - points[2 * other + 1]!)
      if (other !== row && distance < least) {
        least = distance
        nearest = other
      }
    }
    if (nearest % 4 === row % 4) same++
  }
  expect(same).toBe(400)
})

test('equal rows do no harm', async () => {
  const data = blobs(40, 3, 2, 0)
  const { points } = await projectOntoPlane(products, data, { method: 'umap', neighbours: 5, seed: 1 })
  expect(points.every(Number.isFinite)).toBe(true)
})

test('a signal ends it', async () => {
  const controller = new AbortController()
  const onProgress = (what: string) => what === 'layout' && controller.abort(new Error('stopped'))
  const options = { method: 'umap', neighbours: 15, seed: 1, signal: controller.signal, onProgress } as const
  await expect(projectOntoPlane(products, blobs(3000, 4, 3, 0.2), options)).rejects.toThrow('stopped')
})
