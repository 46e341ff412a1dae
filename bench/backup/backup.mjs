// Backup, restore and move of a collection: times, and whether searches give the same answers afterwards
//
//   npm run bench -- backup [--photos 100000] [--queries 1000] [--json] [--out FILE]
//
// From the embedded database to a file, from that file to Postgres, and from the embedded database to another Postgres. Each
// query is asked of all three: by vector, with a condition, or by words as well.
import { ok } from 'node:assert'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openDatabase } from '../../dist/db/connection.js'
import { fillCollection, unitVector, vectorText } from '../removal/collection.mjs'
import { startPostgres } from '../support/postgres.mjs'
import { readOptions, report, round, say } from '../support/report.mjs'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
/** Of cosine similarities; and of fused ranks, where two photos that are equally near change places. */
const ROUNDING = { cosine: 1e-6, fused: 3e-4 }
const CONDITION = '[{"column": "photo_location_country", "operator": "=", "value": "country 7"}]'

const options = readOptions({
  photos: { type: 'string', default: '100000' },
  queries: { type: 'string', default: '1000' },
})
const [photos, count] = [options.photos, options.queries].map(Number)
const ids = Array.from({ length: photos }, (_, i) => `photo-${String(i).padStart(8, '0')}`)
const root = mkdtempSync(join(tmpdir(), 'unsplash-clip-backup-'))
const file = join(root, 'photos.backup')
const source = { UNSPLASH_CLIP_HOME: join(root, 'home') }
const servers = []
const databases = []
try {
  say(`writing ${photos} photos`)
  const embedded = await open((await command(source, 'db', 'url')).trim())
  await fillCollection(embedded, ids)
  const [restored, moved] = [await start(), await start()]
  const rows = [
    { work: 'db backup, embedded', seconds: await timed('backup', () => command(source, 'db', 'backup', file)) },
    {
      work: 'db restore, to Postgres',
      seconds: await timed('restore', () => command({ ...source, DATABASE_URL: restored.url }, 'db', 'restore', file)),
    },
    {
      work: 'db move, embedded to Postgres',
      seconds: await timed('move', () => command(source, 'db', 'move', '--to', moved.url)),
    },
  ]
  say(`asking ${count} queries of each`)
  const queries = Array.from({ length: count }, (_, i) => ({ kind: i % 3, vector: vectorText(unitVector()) }))
  const expected = await answers(embedded, queries)
  for (const { url } of [restored, moved]) expectSame(await answers(await open(url), queries), expected)
  report(options, {
    bench: 'backup',
    settings: { photos, queries: count },
    tables: [{ title: `${photos} photos`, rows }],
    notes: [
      `The backup has ${round(statSync(file).size / 2 ** 20)} MiB. All ${count} queries have the same answers in the three databases.`,
    ],
  })
} finally {
  for (const database of databases) await database.close()
  for (const server of servers) await server.stop()
  await command(source, 'db', 'stop').catch(() => {})
  rmSync(root, { recursive: true })
}

async function open(url) {
  const database = await openDatabase({ url })
  databases.push(database)
  return database
}

async function start() {
  const server = await startPostgres()
  servers.push(server)
  return server
}

async function timed(what, work) {
  say(what)
  const startedAt = performance.now()
  await work()
  return round((performance.now() - startedAt) / 1000)
}

/** The same photos in the same order. Scores differ by rounding: WebAssembly and native code add in another order. */
function expectSame(found, expected) {
  for (const [query, rows] of expected.entries()) {
    const rounding = query % 3 === 2 ? ROUNDING.fused : ROUNDING.cosine
    for (const [rank, { photo_id, score }] of rows.entries()) {
      const other = found[query][rank]
      ok(Math.abs(other.score - score) < rounding, `query ${query}: a score of ${score} became ${other.score}`)
      const isTied = rows.some(row => row.photo_id === other.photo_id && Math.abs(row.score - score) < rounding)
      ok(other.photo_id === photo_id || isTied, `query ${query}: ${photo_id} became ${other.photo_id}`)
    }
  }
}

/** Ids and scores of the ten best photos. */
async function answers(database, queries) {
  const found = []
  for (const { kind, vector } of queries) {
    const rows =
      kind === 2
        ? await database.query('select photo_id, score from search_hybrid($2, 10, query => $1) order by rank', [
            vector,
            'photo 42',
          ])
        : await database.query('select photo_id, score from search_photos($1, 10, filters => $2) order by rank', [
            vector,
            kind === 1 ? CONDITION : '[]',
          ])
    found.push(rows)
  }
  return found
}

async function command(environment, ...parameters) {
  const env = { ...process.env, DATABASE_URL: '', ...environment }
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...parameters], { env })
  return stdout
}
