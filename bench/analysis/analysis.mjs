// Analyses of vectors: k-means, principal components, logistic regression and maps, beside scikit-learn and umap-learn
//
//   npm run bench -- analysis [--rows 100000] [--dimension 512] [--k 100] [--iterations 25] [--components 50] [--classes 10]
//                             [--threads 2] [--turns 3] [--only kmeans,pca,logistic] [--vectors FILE.npy]
//
// The vectors are drawn at random around 200 centres and have unit length; or they are the first rows of a matrix of
// float16, with --vectors. Both programs get the same file and as many threads, and take turns. `of the peer`: its time
// divided by ours, the median of the turns.
//
//   kmeans     one start with greedy k-means++, then the same number of iterations. Quality: inertia
//   pca        the first components. Quality: share of the variance that they explain
//   logistic   classes of 20 centres each (with --vectors: of 20 random vectors that are near), a tenth of them drawn at
//              random. Both end when no component of the gradient is above 1e-5. Quality: the loss with penalty, once
//              more in float64
//   umap       two coordinates, 15 neighbours. Quality up to 10,000 rows: trustworthiness of 15 neighbours, by
//              scikit-learn for both. Above 10,000 rows --peer-umap measures the peer, too
//
// Python with the peers is installed once into .bench/scikit-learn; PEER_SKLEARN names another one.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { trainLogistic } from '../../dist/analysis/classify/logistic-regression.js'
import { kMeans } from '../../dist/analysis/clusters/k-means.js'
import { matrix } from '../../dist/analysis/matrix/matrix.js'
import { Products } from '../../dist/analysis/matrix/products.js'
import { pca } from '../../dist/analysis/projection/pca.js'
import { projectOntoPlane } from '../../dist/analysis/projection/project.js'
import { randomFrom } from '../../dist/analysis/random.js'
import { fromHalf, openHalves, writeNpy } from '../support/npy.mjs'
import { median, readOptions, report, round, say } from '../support/report.mjs'

const options = readOptions({
  rows: { type: 'string', default: '100000' },
  dimension: { type: 'string', default: '512' },
  k: { type: 'string', default: '100' },
  iterations: { type: 'string', default: '25' },
  components: { type: 'string', default: '50' },
  classes: { type: 'string', default: '10' },
  threads: { type: 'string', default: '2' },
  turns: { type: 'string', default: '3' },
  only: { type: 'string', default: 'kmeans,pca,logistic' },
  vectors: { type: 'string' },
  'peer-umap': { type: 'boolean', default: false },
})
const [k, iterations, components, classCount, threads, turns] = [
  ...['k', 'iterations', 'components', 'classes', 'threads', 'turns'],
].map(name => Number(options[name]))
const CENTRES = 200
const NOISE = 0.6
/** Of photos whose class says nothing. */
const RANDOM_SHARE = 0.1
const TOLERANCE = 1e-5
const NEIGHBOURS = 15
/** Trustworthiness compares all pairs. */
const MOST_JUDGED = 10_000
const here = name => fileURLToPath(new URL(name, import.meta.url))

const tasks = {
  kmeans: {
    settings: () => ({ k, iterations, seed: 0 }),
    async run(products, { vectors }) {
      const found = await kMeans(products, vectors, { k, starts: 1, seed: 0, maxIterations: iterations })
      return { quality: found.inertia }
    },
  },
  pca: {
    settings: () => ({ components }),
    async run(products, { vectors }) {
      const { explained } = await pca(products, vectors, components)
      return { quality: explained.reduce((sum, share) => sum + share, 0) }
    },
  },
  logistic: {
    settings: () => ({ tolerance: TOLERANCE }),
    async run(products, samples) {
      return { probe: await trainLogistic(samples, { products, seed: 0 }) }
    },
    judge: (_, samples, { probe }) => logisticLoss(probe, samples),
  },
  umap: {
    settings: ({ rows }) =>
      rows <= MOST_JUDGED || options['peer-umap'] ? { neighbours: NEIGHBOURS, judged: rows <= MOST_JUDGED } : undefined,
    async run(products, { vectors }) {
      return projectOntoPlane(products, vectors, { method: 'umap', neighbours: NEIGHBOURS, seed: 0 })
    },
    judge({ folder, python }, { vectors: { rows } }, { points }) {
      if (rows > MOST_JUDGED) return undefined
      const file = join(folder, 'points.npy')
      writeNpy(file, { rows, columns: 2, values: points })
      return runPeer(python, 'trustworthiness', folder, { neighbours: NEIGHBOURS, points: file }).quality
    },
  },
}

const folder = mkdtempSync(join(tmpdir(), 'uc-analysis-'))
try {
  const samples = options.vectors === undefined ? madeSamples() : readSamples(options.vectors)
  writeNpy(join(folder, 'vectors.npy'), samples.vectors)
  writeNpy(join(folder, 'classes.npy'), { rows: samples.classes.length, columns: 1, values: samples.classes })
  const python = peerPython()
  const products = await Products.open(threads)
  const table = []
  for (const name of options.only.split(',')) table.push(await compare(name, products, samples, { folder, python }))
  await products.close()
  const { rows, columns: dimension } = samples.vectors
  await report(options, {
    bench: 'analysis',
    settings: { rows, dimension, k, iterations, components, classes: classCount, threads, turns },
    tables: [{ title: 'seconds, and quality', rows: table }],
  })
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function compare(name, products, samples, place) {
  const { settings, run, judge } = tasks[name]
  const ofPeer = settings(samples.vectors)
  const [own, peer] = [[], []]
  let found
  for (let turn = 1; turn <= turns; turn++) {
    say(`${name}, turn ${turn} of ${turns}`)
    const start = performance.now()
    found = await run(products, samples)
    own.push({ seconds: (performance.now() - start) / 1000 })
    if (ofPeer !== undefined) peer.push(runPeer(place.python, name, place.folder, ofPeer))
  }
  const quality = judge ? judge(place, samples, found) : found.quality
  const seconds = of => round(median(of.map(each => each.seconds)))
  return {
    task: name,
    seconds: seconds(own),
    quality: quality === undefined ? null : round(quality, 6),
    ...(peer.length > 0
      ? {
          "the peer's seconds": seconds(peer),
          'its quality': peer[0].quality === null ? null : round(peer[0].quality, 6),
          'of the peer': round(median(peer.map((each, i) => each.seconds / own[i].seconds))),
        }
      : {}),
  }
}

/** The mean loss with the penalty of C = 1, in float64. */
function logisticLoss({ weights, biases }, { vectors, classes }) {
  const { rows, columns: d, values } = vectors
  const logits = new Float64Array(biases.length)
  let loss = 0
  for (let i = 0; i < rows; i++) {
    for (let c = 0; c < logits.length; c++) {
      logits[c] = biases[c]
      for (let j = 0; j < d; j++) logits[c] += weights.values[c * d + j] * values[i * d + j]
    }
    const top = Math.max(...logits)
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0)
    loss += top + Math.log(total) - logits[classes[i]]
  }
  const squares = weights.values.reduce((sum, weight) => sum + weight * weight, 0)
  return (loss + squares / 2) / rows
}

function runPeer(python, task, folder, settings) {
  const env = { ...process.env }
  for (const name of ['OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'NUMBA_NUM_THREADS'])
    env[name] = String(threads)
  const parameters = [here('scikit_learn.py'), task, folder, JSON.stringify(settings)]
  return JSON.parse(execFileSync(python, parameters, { encoding: 'utf8', env }))
}

function peerPython() {
  if (process.env.PEER_SKLEARN) return process.env.PEER_SKLEARN
  const environment = here('../../.bench/scikit-learn')
  const python = join(environment, 'bin/python')
  if (!existsSync(join(environment, 'bin/pip'))) execFileSync('python3', ['-m', 'venv', environment])
  execFileSync(python, [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '-r',
    here('requirements.txt'),
  ])
  return python
}

function madeSamples() {
  const [rows, dimension] = [Number(options.rows), Number(options.dimension)]
  const random = randomFrom(1)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const centres = Float32Array.from({ length: CENTRES * dimension }, normal)
  const vectors = matrix(rows, dimension)
  const nearest = new Int32Array(rows)
  for (let i = 0; i < rows; i++) {
    const row = vectors.values.subarray(i * dimension, (i + 1) * dimension)
    const centre = Math.floor(random() * CENTRES)
    nearest[i] = centre
    let squares = 0
    for (let j = 0; j < dimension; j++) {
      row[j] = centres[centre * dimension + j] * NOISE + normal()
      squares += row[j] ** 2
    }
    for (let j = 0; j < dimension; j++) row[j] /= Math.sqrt(squares)
  }
  return withClasses(vectors, nearest, random)
}

/** The first rows of a matrix of float16. */
function readSamples(file) {
  const halves = openHalves(file)
  const rows = Math.min(halves.rows, Number(options.rows))
  const vectors = matrix(rows, halves.columns, Float32Array.from(halves.read(0, rows), fromHalf))
  halves.close()
  const random = randomFrom(1)
  const { columns, values } = vectors
  const centres = Array.from({ length: CENTRES }, () => Math.floor(random() * rows))
  const similarity = (a, b) => {
    let sum = 0
    for (let j = 0; j < columns; j++) sum += values[a * columns + j] * values[b * columns + j]
    return sum
  }
  const nearest = Int32Array.from({ length: rows }, (_, i) => {
    const similarities = centres.map(centre => similarity(i, centre))
    return similarities.indexOf(Math.max(...similarities))
  })
  return withClasses(vectors, nearest, random)
}

/** @param nearest centre of each row */
function withClasses(vectors, nearest, random) {
  const classes = nearest.map(centre =>
    random() < RANDOM_SHARE ? Math.floor(random() * classCount) : centre % classCount,
  )
  return { vectors, classes, classCount }
}
