// Analyses of vectors: k-means and principal components, beside scikit-learn on the same vectors and cores
//
//   npm run bench -- analysis [--rows 100000] [--dimension 512] [--k 100] [--iterations 25] [--components 50]
//                             [--threads 2] [--turns 3] [--only kmeans,pca,umap]
//
// The vectors are drawn at random around 200 centres and have unit length. k-means: one start with greedy k-means++, then
// the same number of iterations. `of scikit-learn`: its time divided by ours, the median of the turns; both take turns.
// `quality`: inertia, or the share of the variance that is explained. Python with scikit-learn is installed once into
// .bench/scikit-learn; PEER_SKLEARN names another one. UMAP has no peer here: only its time is shown.
import { execFileSync } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { kMeans } from '../../dist/analysis/clusters/k-means.js'
import { matrix } from '../../dist/analysis/matrix/matrix.js'
import { Products } from '../../dist/analysis/matrix/products.js'
import { pca } from '../../dist/analysis/projection/pca.js'
import { projectOntoPlane } from '../../dist/analysis/projection/project.js'
import { randomFrom } from '../../dist/analysis/random.js'
import { median, readOptions, report, round, say } from '../support/report.mjs'

const options = readOptions({
  rows: { type: 'string', default: '100000' },
  dimension: { type: 'string', default: '512' },
  k: { type: 'string', default: '100' },
  iterations: { type: 'string', default: '25' },
  components: { type: 'string', default: '50' },
  threads: { type: 'string', default: '2' },
  turns: { type: 'string', default: '3' },
  only: { type: 'string', default: 'kmeans,pca' },
})
const [rows, dimension, k, iterations, components, threads, turns] = [
  ...['rows', 'dimension', 'k', 'iterations', 'components', 'threads', 'turns'],
].map(name => Number(options[name]))
const CENTRES = 200
const NOISE = 0.6
const here = name => fileURLToPath(new URL(name, import.meta.url))

const tasks = {
  kmeans: {
    settings: { k, iterations, seed: 0 },
    async run(products, vectors) {
      const found = await kMeans(products, vectors, { k, starts: 1, seed: 0, maxIterations: iterations })
      return { iterations: found.iterations, quality: found.inertia }
    },
  },
  pca: {
    settings: { components },
    async run(products, vectors) {
      const { explained } = await pca(products, vectors, components)
      return { quality: explained.reduce((sum, share) => sum + share, 0) }
    },
  },
  umap: {
    async run(products, vectors) {
      await projectOntoPlane(products, vectors, { method: 'umap', neighbours: 15, seed: 0 })
      return {}
    },
  },
}

const folder = mkdtempSync(join(tmpdir(), 'uc-analysis-'))
try {
  const vectors = makeVectors()
  const file = join(folder, 'vectors.npy')
  writeNpy(file, vectors)
  const products = await Products.open(threads)
  const table = []
  for (const name of options.only.split(',')) table.push(await compare(name, products, vectors, file))
  await products.close()
  await report(options, {
    bench: 'analysis',
    settings: { rows, dimension, k, iterations, components, threads, turns },
    tables: [{ title: 'seconds, and quality', rows: table }],
  })
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function compare(name, products, vectors, file) {
  const { settings, run } = tasks[name]
  const python = settings === undefined ? null : peerPython()
  const [own, peer] = [[], []]
  for (let turn = 1; turn <= turns; turn++) {
    say(`${name}, turn ${turn} of ${turns}`)
    const start = performance.now()
    own.push({ ...(await run(products, vectors)), seconds: (performance.now() - start) / 1000 })
    if (python !== null) peer.push(runPeer(python, name, file, settings))
  }
  const seconds = of => round(median(of.map(each => each.seconds)))
  return {
    task: name,
    seconds: seconds(own),
    quality: round(own[0].quality ?? 0, 6),
    ...(peer.length > 0
      ? {
          'scikit-learn, seconds': seconds(peer),
          'its quality': round(peer[0].quality, 6),
          'of scikit-learn': round(median(peer.map((each, i) => each.seconds / own[i].seconds))),
        }
      : {}),
  }
}

function runPeer(python, task, file, settings) {
  const env = { ...process.env }
  for (const name of ['OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS']) env[name] = String(threads)
  const parameters = [here('scikit_learn.py'), task, file, JSON.stringify(settings)]
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

function makeVectors() {
  const random = randomFrom(1)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const centres = Float32Array.from({ length: CENTRES * dimension }, normal)
  const made = matrix(rows, dimension)
  for (let i = 0; i < rows; i++) {
    const row = made.values.subarray(i * dimension, (i + 1) * dimension)
    const centre = Math.floor(random() * CENTRES) * dimension
    let squares = 0
    for (let j = 0; j < dimension; j++) {
      row[j] = centres[centre + j] * NOISE + normal()
      squares += row[j] ** 2
    }
    for (let j = 0; j < dimension; j++) row[j] /= Math.sqrt(squares)
  }
  return made
}

function writeNpy(file, { rows, columns, values }) {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`
  const header = `${text.padEnd(Math.ceil((11 + text.length) / 64) * 64 - 11)}\n`
  const head = Buffer.alloc(10)
  head.write('\x93NUMPY\x01\x00', 'latin1')
  head.writeUInt16LE(header.length, 8)
  const handle = openSync(file, 'w')
  writeSync(handle, Buffer.concat([head, Buffer.from(header)]))
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at, Math.min(64 << 20, bytes.length - at))
  closeSync(handle)
}
