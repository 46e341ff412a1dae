import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Candidate, compareK } from '../../../src/analysis/clusters/choose-k.js'
import { type HdbscanResult, hdbscan } from '../../../src/analysis/clusters/density/hdbscan.js'
import { type Matrix, matrix, rowOf } from '../../../src/analysis/matrix/matrix.js'
import { Products } from '../../../src/analysis/matrix/products.js'
import { type Pca, pca, projectRows } from '../../../src/analysis/projection/pca.js'
import { projectOntoPlane } from '../../../src/analysis/projection/project.js'
import { readMatrix } from '../../../src/models/check/npy.js'
import { npyFile } from '../../support/models/npy-file.js'
import { hasPython, pythonPeers } from '../../support/python/environment.js'
import { hasReference, REFERENCE } from '../../support/servers/requirements.js'

const HERE = resolve('test/analysis/scikit-learn')
const KS = [2, 3, 4, 5, 6, 7, 8, 9, 10]
const COMPONENTS = 10
const MIN_SIZE = 5

interface Answers {
  inertia: number[]
  silhouette: number[]
  components: number[][]
  variance: number[]
  explained: number[]
  hdbscan: { clusters: number; agreement: number; labels: number[]; membership: number[] }
  trustworthiness: number[]
}

describe.skipIf(![hasPython(), hasReference()].every(Boolean))('beside scikit-learn, on 700 real vectors,', () => {
  let tried: Candidate[]
  let axes: Pca
  let density: HdbscanResult
  let answers: Answers

  beforeAll(async () => {
    const rows = await readMatrix(join(REFERENCE, 'unsplash/clip-vit-b-32-image.npy'))
    const vectors = matrix(rows.length, rows[0]!.length, Float32Array.from(rows.flatMap(row => [...row])))
    const products = await Products.open()
    tried = await compareK(products, vectors, KS, { starts: 10, seed: 0 })
    axes = await pca(products, vectors, COMPONENTS)
    const reduced = await projectRows(products, vectors, axes)
    density = await hdbscan(reduced, { minClusterSize: MIN_SIZE })
    const maps = []
    for (const method of ['umap', 'pca'] as const)
      maps.push((await projectOntoPlane(products, vectors, { method, neighbours: 15, seed: 0 })).points)
    await products.close()
    answers = await ask(vectors, {
      ks: KS,
      assignments: tried.map(({ assignment }) => [...assignment]),
      components: COMPONENTS,
      reduced: listOf(reduced),
      min_size: MIN_SIZE,
      density: [...density.assignment],
      maps: maps.map(points => listOf(matrix(points.length / 2, 2, points))),
    })
  }, 1_200_000)

  test('k-means has an inertia within 1 % of the best of 20 starts, for k = 2 to 10', () => {
    for (const [i, { inertia }] of tried.entries()) expect(inertia / answers.inertia[i]!).toBeLessThan(1.01)
  })

  test('silhouettes are equal to 1e-6', () => {
    for (const [i, { silhouette }] of tried.entries())
      expect(Math.abs(silhouette - answers.silhouette[i]!)).toBeLessThan(1e-6)
  })

  test('principal components are equal to 1e-5, up to their sign, and so are variances', () => {
    for (let i = 0; i < COMPONENTS; i++) {
      const [own, other] = [rowOf(axes.components, i), answers.components[i]!]
      const sign = Math.sign(own.reduce((sum, value, j) => sum + value * other[j]!, 0))
      for (const [j, value] of own.entries()) expect(Math.abs(value - sign * other[j]!)).toBeLessThan(1e-5)
      expect(Math.abs(axes.variance[i]! / answers.variance[i]! - 1)).toBeLessThan(1e-5)
      expect(Math.abs(axes.explained[i]! / answers.explained[i]! - 1)).toBeLessThan(1e-5)
    }
  })

  // Edges of equal weight, which core distances make, leave some rows open.
  test('HDBSCAN finds the same clusters and noise, but for ties, and their memberships', () => {
    const { clusters, agreement, labels, membership } = answers.hdbscan
    expect(clusters).toBeGreaterThan(1)
    expect(density.clusters).toBe(clusters)
    expect(agreement).toBeGreaterThan(0.99)
    const noise = (of: ArrayLike<number>) => Array.from(of).filter(cluster => cluster < 0).length
    expect(Math.abs(noise(density.assignment) - noise(labels))).toBeLessThanOrEqual(5)
    const equal = membership.filter((value, i) => Math.abs(value - density.membership[i]!) < 1e-5)
    expect(equal.length).toBeGreaterThan(0.98 * labels.length)
  })

  test('UMAP keeps neighbours together far better than two components', () => {
    const [umap, flat] = answers.trustworthiness
    expect(umap).toBeGreaterThan(0.87)
    expect(umap! - flat!).toBeGreaterThan(0.05)
  })
})

const listOf = (of: Matrix): number[][] => Array.from({ length: of.rows }, (_, i) => [...rowOf(of, i)])

async function ask(vectors: Matrix, questions: object): Promise<Answers> {
  const folder = await mkdtemp(join(tmpdir(), 'uc-sklearn-'))
  try {
    const file = join(folder, 'vectors.npy')
    await writeFile(file, npyFile(Array.from({ length: vectors.rows }, (_, i) => rowOf(vectors, i))))
    const programs = await pythonPeers()
    // Its threads would wait for each other on a busy machine.
    const env = { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' }
    const child = spawn(join(programs, 'python'), [join(HERE, 'clusters.py'), file], { env })
    child.stdin.end(JSON.stringify(questions))
    const [answered, complaints] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    if (child.exitCode !== 0) throw new Error(complaints)
    return JSON.parse(answered) as Answers
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
