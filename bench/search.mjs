// Search by meaning in SQL: recall@10 against time, by index, effort and kind of query, beside FAISS; filters; growth
//
//   REFERENCE=/reference npm run bench -- search [--counts 10000,100000] [--folder FOLDER] [--database-url URL]
//     [--queries 200] [--hnsw-up-to 100000] [--seconds 3] [--build-only] [--no-faiss] [--no-filters]
//
// REFERENCE holds real CLIP vectors (unsplash/clip-vit-b-32-image.npy, clip-text/clip-vit-b-32-text.npy), from which the corpus
// is grown; without it the corpus must lie in --folder already. PEER_PYTHON needs numpy, and faiss for the peer and the true
// nearest. Corpus, FAISS' indexes and truths stay in --folder, vectors and pgvector's indexes in the database of --database-url
// (empty at first, or that of a former run); without it a Postgres of its own is started, and a folder is made for the run.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openDatabase } from '../dist/src/db/connection.js'
import { PostgresIndexRepository } from '../dist/src/db/index-repository.js'
import { migrate } from '../dist/src/db/migrate.js'
import { startPostgres } from './support/postgres.mjs'
import { readOptions, report, round, say } from './support/report.mjs'
import { buildIndex, loadCorpus, rankPhotos } from './support/search-database.mjs'
import { manyClients, oneClient, useSetting, vectorTexts } from './support/search-measure.mjs'

const options = readOptions({
  counts: { type: 'string', default: '10000,100000' },
  folder: { type: 'string' },
  'database-url': { type: 'string' },
  queries: { type: 'string', default: '200' },
  'hnsw-up-to': { type: 'string', default: '100000' },
  seconds: { type: 'string', default: '3' },
  'build-only': { type: 'boolean', default: false },
  'no-faiss': { type: 'boolean', default: false },
  'no-filters': { type: 'boolean', default: false },
})
const KINDS = ['text', 'image', 'photo']
const WANTED = { text: 0.95, image: 0.99, photo: 0.99 }
const PROBES = [1, 2, 4, 8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512]
const EFFORTS = [40, 80, 160, 320, 640, 1000]
const ENOUGH = 0.997
const SELECTIVITIES = [
  ['50 %', 1000],
  ['5 %', 100],
  ['0.5 %', 10],
  ['0.05 %', 1],
]
const GIB = 2 ** 30

const python = process.env.PEER_PYTHON || '/usr/bin/python3'
const script = name => fileURLToPath(new URL(`support/${name}.py`, import.meta.url))
const counts = options.counts.split(',').map(Number)
const largest = Math.max(...counts)
const folder = options.folder ? resolve(options.folder) : mkdtempSync(join(tmpdir(), 'unsplash-clip-search-'))
const own = options['database-url'] === undefined ? await startPostgres() : null
const url = options['database-url'] ?? own.url
const database = await openDatabase({ url, maxConnections: 4 })
try {
  const likeness = corpus()
  await migrate(database)
  const tables = likeness ? likenessTables(likeness) : []
  const growth = []
  for (const count of counts) {
    const modelId = await loadCorpus(database, join(folder, 'corpus.npy'), count)
    const indexes = await build(modelId, count)
    tables.push({ title: `Indexes over ${count} photos`, rows: indexes })
    if (options['build-only']) continue
    const faiss = peer(count)
    if (faiss.builds.length > 0)
      tables.push({ title: `FAISS's indexes over ${count} photos`, rows: faiss.builds.map(buildRow) })
    const { rows, chosen } = await curves(modelId, count, faiss)
    tables.push({ title: `One client, ${count} photos, 10 nearest, ms`, rows })
    tables.push({ title: `At the wanted recall, ${count} photos`, rows: await atWanted(modelId, faiss, chosen) })
    growth.push(...growthRows(count, chosen, indexes))
    if (count === largest && !options['no-filters'])
      tables.push({ title: `Filters, ${count} photos, queries by text`, rows: await filtered(modelId, chosen.text) })
  }
  if (growth.length > 0) tables.push({ title: 'As there are more photos', rows: growth })
  report(options, { bench: 'search', settings: { counts, queries: queryCount() }, tables })
} finally {
  await database.close()
  await own?.stop()
  if (!options.folder) rmSync(folder, { recursive: true })
}

function queryCount() {
  return Number(options.queries)
}

function corpus() {
  if (existsSync(join(folder, 'corpus.npy'))) return null
  if (!process.env.REFERENCE) throw new Error('Set REFERENCE to the folder with real vectors, or --folder to a corpus.')
  mkdirSync(folder, { recursive: true })
  say(`growing ${largest} vectors`)
  return JSON.parse(execFileSync(python, [script('search-corpus'), folder, String(largest)], { encoding: 'utf8' }))
}

function likenessTables({ among700, bySize }) {
  const flat = Object.fromEntries
  const pair = (name, values) => (values ? [[name, `${round(values[0], 3)} / ${round(values[1], 3)}`]] : [])
  return [
    {
      title: 'Similarities among 700',
      rows: among700.map(row =>
        flat(Object.entries(row).map(([key, value]) => [key, typeof value === 'number' ? round(value, 3) : value])),
      ),
    },
    {
      title: 'Nearest / 10th, medians, by number of photos',
      rows: bySize.map(({ photos, ...pairs }) => ({
        photos,
        ...flat(['real image', 'grown image', 'real text', 'grown text'].flatMap(name => pair(name, pairs[name]))),
      })),
    },
  ]
}

/** 4 x sqrt(photos), as `index build` takes; for whole vectors up to 2,000, since k-means with 4,000 takes long. */
function listsOf(kind, count) {
  return Math.min(kind === 'text' ? 4000 : 2000, Math.round(4 * Math.sqrt(count)))
}

async function build(modelId, count) {
  const repository = new PostgresIndexRepository(database, () => openDatabase({ url, maxConnections: 1 }))
  const texts = vectorTexts(join(folder, 'texts-known.npy')).map(text => Float32Array.from(JSON.parse(text)))
  const shapes = [
    { kind: 'text', lists: listsOf('text', count) },
    { kind: 'ivfflat', lists: listsOf('ivfflat', count) },
    ...(count <= Number(options['hnsw-up-to']) ? [{ kind: 'hnsw', m: 16, efConstruction: 64 }] : []),
  ]
  const rows = []
  for (const shape of shapes)
    rows.push(await buildIndex(database, repository, modelId, shape, texts, { memory: 4 * GIB, workers: 1 }))
  return rows
}

/** FAISS, which also says which ten are nearest; without it exact search says so. */
function peer(count) {
  const lists = [listsOf('ivfflat', count), listsOf('text', count)].map(String)
  const hnsw = count <= Number(options['hnsw-up-to']) ? '1' : '0'
  const parameters = [script('search-faiss'), folder, String(count), ...lists, hnsw, String(queryCount())]
  say(`FAISS over ${count}`)
  if (!options['no-faiss'])
    try {
      return JSON.parse(
        execFileSync(python, parameters, { encoding: 'utf8', maxBuffer: GIB, stdio: ['ignore', 'pipe', 'ignore'] }),
      )
    } catch (error) {
      say(`\n!!! NO PEER: FAISS did not run: ${error.message}\n`)
    }
  return { truth: null, rows: [], builds: [] }
}

function buildRow({ index, seconds, bytes }) {
  return { index, 'build, s': round(seconds), MiB: Math.round(bytes / 2 ** 20) }
}

async function curves(modelId, count, faiss) {
  const [rows, chosen] = [[], {}]
  const add = row => {
    rows.push(row)
    say(JSON.stringify(row))
  }
  for (const kind of KINDS) {
    const queries = vectorTexts(join(folder, `queries-${kind}.npy`), queryCount())
    const as = kind === 'text' ? 'text' : 'image'
    const run = async (way, setting, most = queries.length) => {
      await useSetting(database, modelId, as, setting)
      const truth = faiss.truth?.[kind]
      const { answers, ...found } = await oneClient(url, { modelId, kind: as, queries: queries.slice(0, most), truth })
      add({ kind, by: way, effort: setting.effort ?? null, ...found })
      if (setting.method === 'exact' && !faiss.truth) faiss.exact = { ...faiss.exact, [kind]: answers }
      return found
    }
    await run('exact', { method: 'exact' }, 30)
    const ways = [
      ...(kind === 'text' ? [['text', 'ivfflat', PROBES]] : []),
      ['ivfflat', 'ivfflat', PROBES],
      ...(count <= Number(options['hnsw-up-to']) ? [['hnsw', 'hnsw', EFFORTS]] : []),
    ]
    for (const [way, method, efforts] of ways)
      for (const effort of efforts) {
        const index = `embeddings_m${modelId}_${way}`
        const found = await run(way, { method, index, effort })
        const best = chosen[kind]
        if (found.recall >= WANTED[kind] && (best === undefined || found.qps > best.qps))
          chosen[kind] = { way, method, index, effort, ...found }
        if (found.recall >= ENOUGH || found.p50 > 500) break
      }
    for (const row of faiss.rows.filter(row => row.kind === kind))
      add({ kind, by: `FAISS ${row.index}`, effort: row.effort, ...rounded(row) })
  }
  return { rows, chosen }
}

function rounded({ recall, p50, p95, p99, qps }) {
  return { p50: round(p50), p95: round(p95), p99: round(p99), qps: round(qps), recall: round(recall, 4) }
}

/** The fastest setting that reaches the wanted recall, with 1 and 4 clients, beside the fastest of FAISS at the same recall. */
async function atWanted(modelId, faiss, chosen) {
  const rows = []
  for (const [kind, best] of Object.entries(chosen)) {
    const as = kind === 'text' ? 'text' : 'image'
    const queries = vectorTexts(join(folder, `queries-${kind}.npy`), queryCount())
    await useSetting(database, modelId, as, best)
    const four = await manyClients(url, 4, { modelId, kind: as, queries, seconds: Number(options.seconds) })
    const theirs = name =>
      faiss.rows
        .filter(row => row.kind === kind && row.recall >= best.recall - 0.003 && row.index.includes('turned') === name)
        .sort((a, b) => b.qps - a.qps)[0]
    const [plain, turned] = [theirs(false), theirs(true)]
    rows.push({
      kind,
      by: `${best.way}, ${best.effort}`,
      recall: best.recall,
      p50: best.p50,
      p95: best.p95,
      p99: best.p99,
      QPS: best.qps,
      '4 clients: p50': four.p50,
      '4: p95': four.p95,
      '4: p99': four.p99,
      '4: QPS': four.qps,
      'FAISS, best': plain ? `${plain.index} ${plain.effort ?? ''}: ${round(plain.qps)} QPS` : null,
      'of its QPS': plain ? round(best.qps / plain.qps, 2) : null,
      'FAISS, turned too: QPS': turned ? round(turned.qps) : null,
    })
  }
  say(JSON.stringify(rows))
  return rows
}

function growthRows(count, chosen, indexes) {
  return Object.entries(chosen).map(([kind, { way, effort, recall, p50, p95 }]) => {
    const index = indexes.find(row => row.index.endsWith(`_${way}`))
    return {
      photos: count,
      kind,
      index: way,
      effort,
      recall,
      p50,
      p95,
      'build, s': index?.['build, s'],
      MiB: index?.MiB,
    }
  })
}

/** Filters that pass a share of the photos: drawn by lot, those nearest to the topic of the queries, those furthest from it. */
async function filtered(modelId, best) {
  const queries = vectorTexts(join(folder, 'queries-text.npy'), 20)
  await rankPhotos(database, modelId, queries[0])
  const rows = []
  for (const [share, below] of SELECTIVITIES)
    for (const [relation, filters] of Object.entries({
      'by lot': [{ column: 'exif_iso', operator: '<', value: below }],
      'with the query': [{ column: 'stats_views', operator: '<', value: below }],
      'against the query': [{ column: 'stats_views', operator: '>=', value: 2000 - below }],
    })) {
      const about = { modelId, kind: 'text', queries, filters }
      await useSetting(database, modelId, 'text', { method: 'exact' })
      const exact = await oneClient(url, { ...about, queries: queries.slice(0, 10) })
      await useSetting(database, modelId, 'text', best)
      const { answers, ...found } = await oneClient(url, {
        ...about,
        queries: queries.slice(0, 10),
        truth: exact.answers,
      })
      rows.push({
        passes: share,
        chosen: relation,
        'least hits': Math.min(...answers.map(answer => answer.length)),
        recall: found.recall,
        p50: found.p50,
        p95: found.p95,
        'exact: p50': exact.p50,
        'exact: p95': exact.p95,
      })
      say(JSON.stringify(rows.at(-1)))
    }
  return rows
}
