// The time that a person waits: a fresh `search`, and later queries in one process, on the embedded database
//
//   npm run bench -- search-command [--photos 5000] [--repeats 15] [--queries 30]
//
// Eight pictures are embedded with the model, so that everything is registered as usual. The other photos get random
// directions as embeddings; their values do not affect exact search, which this database does. Prompts differ, so
// that none comes from the cache of texts.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openDatabase } from '../dist/db/connection.js'
import { command, describeModel, NAME, PROGRAM, paint, specOf } from './support/model-home.mjs'
import { modelFolder } from './support/peers.mjs'
import { readOptions, report, say, spread } from './support/report.mjs'

const options = readOptions({
  photos: { type: 'string', default: '5000' },
  repeats: { type: 'string', default: '15' },
  queries: { type: 'string', default: '30' },
})
const photos = Number(options.photos)
const repeats = Number(options.repeats)
const queries = Number(options.queries)
const K = 10
const precisions = ['int8', 'fp32'].filter(precision => existsSync(join(modelFolder(), specOf(precision).textFile)))

const home = mkdtempSync(join(tmpdir(), 'bench-search-command-'))
const env = {
  ...{ UNSPLASH_CLIP_HOME: join(home, 'home'), MODEL_FOLDERS: describeModel(home, precisions), LOG_LEVEL: 'error' },
  ...{ DATABASE_URL: '', REDIS_URL: '', OBJECT_STORE: '' },
}
try {
  await paint(join(home, 'pictures'))
  for (const precision of precisions) {
    say(`${precision}: ${photos} photos`)
    await command(['ingest', join(home, 'pictures'), '--model', `${NAME}@${precision}`, '--processes', '1'], env)
  }
  await fill()
  const rows = []
  for (const precision of precisions) rows.push(...(await measured(`${NAME}@${precision}`, precision)))
  report(options, {
    bench: 'search-command',
    settings: { photos, repeats, queries, k: K },
    tables: [{ title: `search over ${photos} photos, embedded database running, ms`, rows }],
  })
} finally {
  await command(['db', 'stop'], env)
  rmSync(home, { recursive: true, force: true })
}

/** Adds photos up to the requested number, with unit vectors of every model. */
async function fill() {
  const url = execFileSync(process.execPath, [PROGRAM, 'db', 'url'], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  })
  const database = await openDatabase({ url: url.trim(), maxConnections: 1 })
  try {
    await database.query(
      `insert into photos (photo_id, photo_image_url, photo_description)
       select 'photo-' || i, 'https://images.example/' || i, 'photo number ' || i from generate_series(9, $1::int) i`,
      [photos],
    )
    await database.query(
      `insert into embeddings (model_id, photo_id, embedding)
       select m.id, p.photo_id,
              (select l2_normalize(array_agg(random() - 0.5 + 0 * i)::vector)::halfvec
                 from generate_series(1, m.dimension + 0 * length(p.photo_id)) i)
         from models m, photos p where p.photo_id like 'photo-%'`,
    )
    await database.query('analyze')
  } finally {
    await database.close()
  }
}

async function measured(model, precision) {
  const fresh = []
  const interactive = { first: [], second: [], later: [] }
  for (let turn = 0; turn < repeats; turn++) {
    say(`${precision}: ${turn + 1} of ${repeats}`)
    fresh.push(await freshCommand(model, `a dog in the snow, ${turn}`))
    const [first, second, ...later] = await interactiveQueries(model, turn)
    interactive.first.push(first)
    interactive.second.push(second)
    interactive.later.push(...later)
  }
  return [
    { precision, query: 'a fresh search, to its first line', ...summary(fresh.map(({ firstMs }) => firstMs)) },
    { precision, query: 'a fresh search, to its end', ...summary(fresh.map(({ endMs }) => endMs)) },
    { precision, query: 'the first of --interactive, from its start', ...summary(interactive.first) },
    { precision, query: 'the second in the same process', ...summary(interactive.second) },
    { precision, query: 'those after it', ...summary(interactive.later) },
  ]
}

function summary(times) {
  const sorted = times.toSorted((a, b) => a - b)
  const p95 = sorted[Math.min(sorted.length - 1, Math.floor(0.95 * sorted.length))]
  return { times: times.length, p50: spread(times).median, p95: Number(p95.toPrecision(3)) }
}

async function freshCommand(model, text) {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [PROGRAM, 'search', text, '--model', model, '-k', `${K}`], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let firstMs = Number.NaN
  child.stdout.once('data', () => (firstMs = performance.now() - startedAt)).resume()
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`search ended with ${code}`)
  return { firstMs, endMs: performance.now() - startedAt }
}

/** @returns milliseconds from each question to the last line of its answer, one question at a time */
async function interactiveQueries(model, turn) {
  let startedAt = performance.now()
  const child = spawn(
    process.execPath,
    [PROGRAM, 'search', '--interactive', '--json', '--model', model, '-k', `${K}`],
    {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const times = []
  for (let i = 0; i < queries; i++) {
    if (i > 0) startedAt = performance.now()
    child.stdin.write(`a red house by the sea, ${turn} ${i}\n`)
    for (let line = 0; line < K; line++)
      if ((await lines.next()).done) throw new Error('search --interactive ended early')
    times.push(performance.now() - startedAt)
  }
  child.stdin.end()
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`search --interactive ended with ${code}`)
  return times
}
