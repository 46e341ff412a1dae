// The HTTP API under load: searches for new words beside the same queries in SQL; what views ask; memory; 200 clients
//
//   npm run bench -- serve [--photos 100000] [--embedded 5000] [--queries 300] [--rounds 3] [--clients 1,4]
//     [--requests 100000] [--burst 200] [--model demo] [--only native,views,embedded,memory,burst] [--database-url URL]
//     [--json] [--out FILE]
//
// Starts a Postgres and `serve`, or takes the database of --database-url (empty at first). Photos get random directions as
// embeddings; their values do not affect exact search, which both databases do. No words are asked for twice, so that none
// comes from a cache. API and SQL take turns, round by round. `sql` is the statement of the API with a vector, sent by the
// driver alone; `embed + sql` embeds the words first, with the text tower of the API: the API adds HTTP, JSON and its
// question for model and stored prompts. `--model clip-vit-b-32@int8` needs that model on this machine;
// the default comes with the package. `views` asks, one request at a time, what the views of the page ask.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, paint } from '../support/model-home.mjs'
import { startPostgres } from '../support/postgres.mjs'
import { readOptions, report, round, say } from '../support/report.mjs'
import { fillPhotos } from './collection.mjs'
import { newWords, summary } from './load.mjs'
import { compareWithSql } from './searches.mjs'
import { environment, withServer } from './served.mjs'
import { burst, memory } from './stress.mjs'
import { views } from './views.mjs'

const options = readOptions({
  photos: { type: 'string', default: '100000' },
  embedded: { type: 'string', default: '5000' },
  queries: { type: 'string', default: '300' },
  rounds: { type: 'string', default: '3' },
  clients: { type: 'string', default: '1,4' },
  requests: { type: 'string', default: '100000' },
  burst: { type: 'string', default: '200' },
  model: { type: 'string', default: 'demo' },
  only: { type: 'string', default: 'native,views,embedded,memory,burst' },
  'database-url': { type: 'string' },
})
const { model } = options
const [photos, embedded, queries, rounds, requests, clientsAtOnce] = [
  ...[options.photos, options.embedded, options.queries, options.rounds, options.requests, options.burst].map(Number),
]
const clients = options.clients.split(',').map(Number)
const wants = part => options.only.split(',').includes(part)

const home = mkdtempSync(join(tmpdir(), 'bench-serve-'))
const tables = []
const notes = []
try {
  await paint(join(home, 'pictures'))
  if (wants('native') || wants('views')) await withNative(onNative)
  if (wants('embedded'))
    await withEmbedded(async ({ server, url }) => searches('the embedded database', embedded, server, url))
  // What they ask for costs the database little, so that 100,000 requests take minutes.
  if (wants('memory') || wants('burst')) await withEmbedded(stress)
  report(options, { bench: 'serve', settings: { photos, embedded, queries, rounds, model, requests }, tables, notes })
} finally {
  rmSync(home, { recursive: true, force: true })
}

async function withNative(work) {
  const own = options['database-url'] === undefined ? await startPostgres() : null
  const url = options['database-url'] ?? own.url
  try {
    await withServer(environment(join(home, 'native'), model, url), collection(photos), work)
  } finally {
    await own?.stop()
  }
}

async function withEmbedded(work) {
  const env = environment(join(home, 'embedded'), model)
  try {
    await withServer(env, collection(embedded), work)
  } finally {
    await command(['db', 'stop'], env)
  }
}

function collection(count) {
  return { pictures: join(home, 'pictures'), fill: database => fillPhotos(database, count) }
}

async function onNative({ server, url }) {
  if (wants('views'))
    tables.push({
      title: `What the page asks, ${photos} photos on native Postgres`,
      rows: await views(server, rounds, say),
    })
  if (wants('native')) await searches('native Postgres', photos, server, url)
}

async function searches(where, count, server, url) {
  const rows = await compareWithSql({ server, url, clients, queries, rounds, say })
  tables.push({ title: `Searches for new words over ${count} photos on ${where}, 50 hits, ms`, rows })
  const added = clients.map(one => {
    const p95 = way => rows.find(row => row.clients === one && row.way === way).p95
    const over = way => `${round(p95('api') - p95(way))} ms`
    return `with ${one}: ${over('embed + sql')} to embedding and SQL, ${over('sql')} to SQL alone`
  })
  notes.push(`On ${where} the API adds at p95, ${added.join('; ')}.`)
}

async function stress({ server }) {
  const words = newWords()
  if (wants('burst'))
    tables.push({ title: `${clientsAtOnce} clients at once`, rows: await burst(server, words, clientsAtOnce) })
  if (!wants('memory')) return
  const { samples, times } = await memory(server, words, requests, say)
  tables.push({ title: `Memory over ${requests} requests`, rows: samples })
  const [first, last] = [samples[Math.floor(samples.length / 2)], samples.at(-1)]
  notes.push(
    `${round(times.length / (times.reduce((sum, ms) => sum + ms, 0) / 4000))} requests/s, p95 ${summary(times).p95} ms. ` +
      `In the second half the resident set grew by ${round(last['RSS, MiB'] - first['RSS, MiB'])} MiB.`,
  )
}
