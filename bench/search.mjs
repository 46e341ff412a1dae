// Search by meaning in SQL: which index reaches the wanted recall, at what price, beside FAISS, hnswlib and usearch; filters
//
//   REFERENCE=/reference npm run bench -- search [--corpora own,b,differences] [--counts 10000,100000] [--folder FOLDER]
//     [--database-url URL] [--queries 200] [--indexes ivfflat,hnsw,text] [--build-only] [--no-peers] [--no-filters]
//     [--json] [--out FILE]
//
// REFERENCE contains real CLIP vectors (unsplash/clip-vit-b-32-image.npy, clip-text/clip-vit-b-32-text.npy), from
// which the corpora are grown, by search-corpus.py; with it the real vectors are searched, too. Without it the corpora
// must be in --folder already. Needs the Python of bench/peers. Corpora, true nearest, efforts and the peers' indexes
// stay in --folder, vectors and indexes of pgvector in the database of --database-url (empty at first, or from an
// earlier run). So a second run with both measures times only. Without them a Postgres is started, and a folder made,
// for the run.
//
// plain: pgvector in a statement that is nothing but the search. A last table has what Postgres costs without any.
//
// The least effort (probes, ef_search) that reaches a recall@10 of 0.95 for texts and of 0.99 for images counts: texts
// from the half that took no part in growing; images drawn like the corpus and not in it; photos: real ones, held out.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openDatabase } from '../dist/db/connection.js'
import { PostgresIndexRepository } from '../dist/db/indexes/index-repository.js'
import { migrate } from '../dist/db/migrate.js'
import { peerPython } from './support/peers.mjs'
import { startPostgres } from './support/postgres.mjs'
import { readOptions, report, round, say } from './support/report.mjs'
import {
  buildIndex,
  loadCorpus,
  loadVectors,
  photoId,
  RANK_COLUMNS,
  rankPhotos,
  timedBuild,
} from './support/search/search-database.mjs'
import {
  leastEffort,
  oneClient,
  severalClients,
  useSetting,
  vectorsRead,
  vectorTexts,
} from './support/search/search-measure.mjs'

const options = readOptions({
  corpora: { type: 'string', default: 'own,b,differences' },
  counts: { type: 'string', default: '10000,100000' },
  folder: { type: 'string' },
  'database-url': { type: 'string' },
  queries: { type: 'string', default: '200' },
  indexes: { type: 'string', default: 'ivfflat,hnsw,text' },
  'build-only': { type: 'boolean', default: false },
  'no-peers': { type: 'boolean', default: false },
  'no-filters': { type: 'boolean', default: false },
})
const KINDS = ['text', 'image', 'photo']
/** The peers build the same two of them. `text`: the dropped index for texts. */
const wantsIndex = name => options.indexes.split(',').includes(name)
const WANTED = { text: 0.95, image: 0.99, photo: 0.99 }
const REAL_COUNTS = [250, 500, 700]
const MOST_EF_SEARCH = 1000
/** Compared exactly by the dropped index for texts. */
const TEXT_CANDIDATES = 120
const WARM_MS = 4_000
const MEASURE_MS = 15_000
const CLIENTS = 4
const CLIENTS_MS = 10_000
const SELECTIVITIES = [
  ['50 %', 1000],
  ['5 %', 100],
  ['0.5 %', 10],
  ['0.05 %', 1],
]
/** By chance, with the query, against the query. */
const FILTER_CASES = 3 * SELECTIVITIES.length
/** The first of them ranks the photos: the filter is exactly with or against that one. */
const FILTER_QUERIES = 20
const GIB = 2 ** 30

const python = peerPython()
const script = name => fileURLToPath(new URL(`support/search/${name}.py`, import.meta.url))
const counts = options.counts.split(',').map(Number)
const queryCount = Number(options.queries)
const root = options.folder ? resolve(options.folder) : mkdtempSync(join(tmpdir(), 'unsplash-clip-search-'))
const own = options['database-url'] === undefined ? await startPostgres() : null
const url = options['database-url'] ?? own.url
const database = await openDatabase({ url, maxConnections: 4 })
const repository = new PostgresIndexRepository(database, () => openDatabase({ url, maxConnections: 1 }))
try {
  await migrate(database)
  await database.query('create extension if not exists pg_prewarm')
  const [decisions, builds, tables, costs] = [[], [], [], []]
  const collections = [
    ...(process.env.REFERENCE || existsSync(join(root, 'real')) ? REAL_COUNTS.map(count => ['real', count]) : []),
    ...counts.flatMap(count => options.corpora.split(',').map(corpus => [corpus, count])),
  ]
  for (const [corpus, count] of collections) {
    const collection = await prepare(corpus, count)
    builds.push(...collection.builds)
    if (options['build-only']) continue
    const rows = await compare(collection)
    decisions.push(...rows)
    for (const row of rows) say(JSON.stringify(row))
    costs.push(...(await withoutSearch(collection)))
  }
  if (!options['build-only']) {
    tables.push({ title: 'At the wanted recall, ten nearest, ms', rows: decisions })
    tables.push({ title: 'What Postgres costs without a search, ms', rows: costs })
  }
  tables.push({ title: 'Builds', rows: builds })
  if (!options['build-only'] && !options['no-filters'] && wantsIndex('ivfflat')) {
    const rows = []
    for (const corpus of options.corpora.split(',').slice(0, RANK_COLUMNS.length))
      rows.push(...(await filtered(await prepare(corpus, counts.at(-1)), RANK_COLUMNS[rows.length / FILTER_CASES])))
    tables.push({ title: 'Filters, queries by text', rows })
  }
  report(options, { bench: 'search', settings: { corpora: options.corpora, counts, queries: queryCount }, tables })
} finally {
  await database.close()
  await own?.stop()
  if (!options.folder) rmSync(root, { recursive: true })
}

/** Grows a corpus as far as the largest count needs, and loads and indexes its first `count` vectors. */
async function prepare(corpus, count) {
  const folder = join(root, corpus)
  if (!existsSync(join(folder, 'queries-text.npy'))) {
    if (!process.env.REFERENCE)
      throw new Error('Set REFERENCE to the folder with real vectors, or --folder to corpora.')
    say(`growing corpus ${corpus}`)
    const likeness = execFileSync(python, [script('search-corpus'), folder, String(Math.max(...counts)), corpus])
    writeFileSync(join(folder, 'likeness.json'), likeness)
  }
  const modelId = await loadCorpus(database, join(folder, 'corpus.npy'), `${corpus}-${count}`, count)
  const lists = Math.round(4 * Math.sqrt(count))
  const resources = { memory: 3.5 * GIB, workers: 1 }
  const built = {}
  const shapes = [
    { kind: 'ivfflat', lists },
    { kind: 'hnsw', m: 16, efConstruction: 64 },
  ]
  for (const shape of shapes.filter(({ kind }) => wantsIndex(kind)))
    built[shape.kind] = await buildIndex(database, repository, modelId, shape, resources)
  if (wantsIndex('text')) built['text index'] = await buildTextIndex(folder, modelId, count, lists)
  const peers = runPeers(folder, count, lists)
  for (const row of peers.rows) built[row.index] ??= { ...row, MiB: Math.round(row.bytes / 2 ** 20) }
  return {
    corpus,
    count,
    folder,
    modelId,
    lists,
    peers,
    builds: Object.entries(built).map(([index, { seconds, cpuSeconds, MiB }]) => ({
      corpus,
      photos: count,
      index,
      'built in s': round(seconds),
      'CPU s': round(cpuSeconds),
      MiB,
    })),
  }
}

/** The index for texts that was dropped, over vectors that are mapped before: Postgres need not map any. */
async function buildTextIndex(folder, modelId, count, lists) {
  execFileSync(python, [script('search-space'), folder, String(count)])
  const table = textTable(modelId)
  await loadVectors(database, join(folder, `space-${count}.npy`), table, modelId, count)
  return timedBuild(database, `${table}_ivfflat`, async () => {
    const [{ there }] = await database.query('select to_regclass($1) is not null as there', [`${table}_ivfflat`])
    if (there) return false
    const connection = await openDatabase({ url, maxConnections: 1 })
    try {
      await connection.query(`set maintenance_work_mem = '3500MB'`)
      await connection.query('set max_parallel_maintenance_workers = 1')
      await connection.query('set statement_timeout = 0')
      await connection.query(
        `create index ${table}_ivfflat on ${table} using ivfflat (embedding halfvec_l2_ops) with (lists = ${lists})`,
      )
    } finally {
      await connection.close()
    }
    return true
  })
}

function textTable(modelId) {
  return `bench_text_m${modelId}`
}

/** FAISS, hnswlib and usearch, whose script also computes the true ten nearest. */
function runPeers(folder, count, lists) {
  if (options['no-peers']) return { truth: null, rows: [] }
  say(`peers over ${count} of ${folder}`)
  const parameters = [script('search-peers'), folder, String(count), String(lists), String(queryCount), options.indexes]
  if (options['build-only']) parameters.push('build-only')
  try {
    const stdio = ['ignore', 'pipe', 'inherit']
    // FAISS builds with OpenBLAS, which takes some CPUs of virtual machines for ones without AVX2.
    const env = { OPENBLAS_CORETYPE: 'Haswell', ...process.env }
    return JSON.parse(execFileSync(python, parameters, { encoding: 'utf8', env, maxBuffer: GIB, stdio }))
  } catch (error) {
    say(`\n!!! NO PEER did run: ${error.message}\n`)
    return { truth: null, rows: [] }
  }
}

/** One row per kind of query and index, each with the least effort that reaches the wanted recall. */
async function compare(collection) {
  const { corpus, count, modelId, lists, peers } = collection
  const rows = []
  for (const kind of KINDS) {
    const queries = queriesOf(collection, kind)
    if (queries === null) continue
    const truth = peers.truth?.[kind] ?? (await exactTruth(collection, kind, queries))
    const add = (index, effort, { recall, p50, p95, qps, perSecond }, read) =>
      rows.push({
        corpus,
        photos: count,
        queries: kind,
        index,
        effort,
        recall: round(recall, 3),
        'vectors read, %': read === null || read === undefined ? null : round(100 * read),
        p50: round(p50),
        p95: round(p95),
        'one client, per second': round(qps),
        [`${CLIENTS} clients, per second`]: perSecond === undefined ? null : round(perSecond),
      })
    add('exact', null, await exact(collection, kind, queries, truth), 1)
    const most = { ivfflat: lists, hnsw: MOST_EF_SEARCH }
    const names = Object.keys(most).filter(wantsIndex)
    const ways = [
      ...names.map(name => indexWay(collection, kind, name, most[name])),
      ...(await Promise.all(names.map(name => plainWay(collection, name, most[name])))),
      ...(wantsIndex('text') && kind === 'text' ? [textWay(collection, lists)] : []),
    ]
    for (const { name, most, run, runSeveral, read } of ways) {
      const { effort, share } = await remembered(collection, `${kind} ${name}`, async () => {
        const found = await leastEffort(
          most,
          WANTED[kind],
          async tried => (await run(tried, { queries, truth })).recall,
        )
        return { effort: found, share: await read(found ?? most, queries) }
      })
      const best = effort ?? most
      await prewarm(modelId, name)
      const one = await run(best, { queries, truth, warmMs: WARM_MS, limitMs: MEASURE_MS })
      const { perSecond } = await runSeveral(best, { queries, clients: CLIENTS, forMs: CLIENTS_MS })
      add(name, best, { ...one, perSecond }, share)
    }
    for (const row of peers.rows.filter(row => row.kind === kind)) add(row.index, row.effort, row, row.read)
  }
  return rows
}

/** Queries as Postgres reads them; null when there are none of a kind. */
function queriesOf({ folder, count }, kind) {
  const files = [`queries-${kind}-${count}.npy`, `queries-${kind}.npy`].map(name => join(folder, name))
  const file = files.find(name => existsSync(name))
  return file === undefined ? null : vectorTexts(file, queryCount)
}

async function exact({ modelId }, kind, queries, truth) {
  const as = kind === 'text' ? 'text' : 'image'
  await useSetting(database, modelId, as, { method: 'exact' })
  return oneClient(url, { modelId, kind: as, queries: queries.slice(0, 30), truth })
}

async function exactTruth(collection, kind, queries) {
  const file = join(collection.folder, `truth-${collection.count}-${kind}.json`)
  if (!existsSync(file)) {
    const { modelId } = collection
    const as = kind === 'text' ? 'text' : 'image'
    await useSetting(database, modelId, as, { method: 'exact' })
    const { answers } = await oneClient(url, { modelId, kind: as, queries, limitMs: Number.POSITIVE_INFINITY })
    writeFileSync(file, JSON.stringify(answers))
  }
  return JSON.parse(readFileSync(file, 'utf8'))
}

/** An index as search_embeddings uses it. */
function indexWay({ modelId, count }, kind, name, most) {
  const as = kind === 'text' ? 'text' : 'image'
  const index = `embeddings_m${modelId}_${name}`
  const about = { modelId, kind: as }
  const use = effort => useSetting(database, modelId, as, { method: name, index, effort })
  return {
    name,
    most,
    async run(effort, asked) {
      await use(effort)
      return oneClient(url, { ...about, ...asked })
    },
    async runSeveral(effort, asked) {
      await use(effort)
      return severalClients(url, { ...about, ...asked })
    },
    read: (probes, queries) =>
      name === 'hnsw'
        ? null
        : vectorsRead(
            database,
            probes,
            count,
            queries,
            `embeddings_m${modelId}`,
            '(embedding::halfvec(512)) <=> $1::halfvec(512)',
          ),
  }
}

/** The same index in a statement that is only that: what is lost beside it goes to search_embeddings. */
async function plainWay({ modelId }, name, most) {
  const distance = await distanceOf(modelId, name)
  const about = effort => ({
    sql: `select photo_id from embeddings_m${modelId} order by ${distance} limit 10`,
    prepare: [
      `set ${name === 'hnsw' ? 'hnsw.ef_search' : 'ivfflat.probes'} = ${effort}`,
      'set enable_seqscan = off',
      'set enable_sort = off',
      'set jit = off',
    ],
  })
  const asked = ({ queries, ...others }) => ({ ...others, queries: queries.map(query => [query]) })
  return {
    name: `plain ${name}`,
    most,
    run: (effort, others) => oneClient(url, { ...about(effort), ...asked(others) }),
    runSeveral: (effort, others) => severalClients(url, { ...about(effort), ...asked(others) }),
    read: () => null,
  }
}

/** By which an index of embeddings orders: its expression, and the operator of its class. */
async function distanceOf(modelId, name) {
  const [{ opclass }] = await database.query(
    'select c.opcname as opclass from pg_index i join pg_opclass c on c.oid = i.indclass[0] where i.indexrelid = $1::regclass',
    [`embeddings_m${modelId}_${name}`],
  )
  return `(embedding::halfvec(512)) ${opclass === 'halfvec_cosine_ops' ? '<=>' : '<#>'} $1::halfvec(512)`
}

/** Statements of the same client, prepared, that contain no search; the last two read what a search has found. */
async function withoutSearch({ corpus, count, modelId, folder }) {
  const [query] = vectorTexts(join(folder, 'queries-text.npy'), 1)
  const ids = (some, many) => Array.from({ length: many }, (_, i) => photoId((some * 7919 + i * 104_729) % count))
  const statements = {
    'nothing: select 1': ['select 1', () => []],
    'a vector, read from its text': ['select vector_dims($1::vector)', () => [query]],
    '10 photos by their ids': ['select * from photos where photo_id = any ($1)', some => [ids(some, 10)]],
    '40 embeddings by their ids, compared': [
      `select photo_id, embedding::vector <=> $2::vector as distance from embeddings
        where model_id = ${modelId} and photo_id = any ($1)`,
      some => [ids(some, 40), query],
    ],
  }
  const rows = []
  for (const [statement, [sql, parameters]] of Object.entries(statements)) {
    const queries = Array.from({ length: 100 }, (_, some) => parameters(some))
    const { p50, p95 } = await oneClient(url, { sql, queries, warmMs: 1000 })
    rows.push({ corpus, photos: count, statement, p50, p95 })
  }
  return rows
}

/** The dropped index for texts: candidates by the distance in its space, compared exactly. */
function textWay({ folder, modelId, count }, most) {
  const table = textTable(modelId)
  const mapped = vectorTexts(join(folder, `queries-space-${count}.npy`), queryCount)
  const sql = `
    with candidates as materialized (
      select photo_id from ${table} order by embedding <-> $2::halfvec(193) limit ${TEXT_CANDIDATES}
    )
    select photo_id from candidates join embeddings_m${modelId} e using (photo_id)
     where e.model_id = ${modelId} order by e.embedding::vector <=> $1::vector limit 10`
  const about = (probes, { queries, ...asked }) => ({
    ...asked,
    sql,
    queries: queries.map((query, i) => [query, mapped[i]]),
    prepare: [`set ivfflat.probes = ${probes}`, 'set enable_seqscan = off', 'set enable_sort = off', 'set jit = off'],
  })
  return {
    name: 'text index',
    most,
    run: (probes, asked) => oneClient(url, about(probes, asked)),
    runSeveral: (probes, asked) => severalClients(url, about(probes, asked)),
    read: probes => vectorsRead(database, probes, count, mapped, table, 'embedding <-> $1::halfvec(193)'),
  }
}

/** Efforts are found once; a later run measures their times. */
async function remembered({ folder, count }, key, find) {
  const file = join(folder, `efforts-${count}-${queryCount}.json`)
  const known = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  if (known[key] === undefined) {
    say(`least effort: ${folder}, ${count}, ${key}`)
    writeFileSync(file, JSON.stringify({ ...known, [key]: await find() }))
  }
  return known[key] ?? JSON.parse(readFileSync(file, 'utf8'))[key]
}

/** What a query reads, in memory, as far as shared_buffers hold it. */
async function prewarm(modelId, name) {
  const relations =
    name === 'text index'
      ? [textTable(modelId), `${textTable(modelId)}_ivfflat`, `embeddings_m${modelId}_pkey`]
      : [`embeddings_m${modelId}_${name.replace('plain ', '')}`]
  for (const relation of [`embeddings_m${modelId}`, ...relations])
    await database.query(`select pg_prewarm(to_regclass($1)) where to_regclass($1) is not null`, [relation])
}

/** Filters that pass a share of the photos: random ones, those nearest to the topic of the queries, those furthest from it. */
async function filtered({ corpus, count, modelId, folder, lists }, column) {
  const queries = vectorTexts(join(folder, 'queries-text.npy'), FILTER_QUERIES)
  const { effort } = await remembered({ folder, count }, 'text ivfflat', () => ({ effort: lists }))
  const tuned =
    effort === null ? { method: 'exact' } : { method: 'ivfflat', index: `embeddings_m${modelId}_ivfflat`, effort }
  await rankPhotos(database, column, modelId, queries[0])
  const rows = []
  for (const [share, below] of SELECTIVITIES)
    for (const [relation, filters] of Object.entries({
      random: [{ column: 'exif_iso', operator: '<', value: below }],
      'with the query': [{ column, operator: '<', value: below }],
      'against the query': [{ column, operator: '>=', value: 2000 - below }],
    })) {
      const about = { modelId, kind: 'text', queries, filters, limitMs: Number.POSITIVE_INFINITY }
      await useSetting(database, modelId, 'text', { method: 'exact' })
      const exact = await oneClient(url, about)
      await useSetting(database, modelId, 'text', tuned)
      const found = await oneClient(url, { ...about, truth: exact.answers })
      const lost = exact.scores.map((scores, i) => (scores.at(-1) ?? 0) - (found.scores[i].at(-1) ?? 0))
      rows.push({
        corpus,
        photos: count,
        passes: share,
        chosen: relation,
        'least hits': Math.min(...found.answers.map(answer => answer.length)),
        recall: found.recall,
        'most lost by the tenth': round(Math.max(...lost), 2),
        p50: found.p50,
        p95: found.p95,
        'exact: p50': exact.p50,
        'exact: p95': exact.p95,
      })
      say(JSON.stringify(rows.at(-1)))
    }
  return rows
}
