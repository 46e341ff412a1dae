// Photos per second labelled with a new set of four from their stored embeddings, beside the former statement
//
// New: `labels predict SET` as it is, for each number of sessions; then a changed definition of the same set, which
// replaces all labels, until the former ones are deleted too. Former: the statement of the first schema over pages of
// 1,000 photos, on as many of them as --former says. The labels of both are compared, to the last bit.
//
//   npm run bench -- label [--photos 1000000] [--sessions 1,4] [--former 100000] [--database-url URL]
//
// Without --database-url it starts its own Postgres. The database must be empty, and its user an administrator.
// Embeddings: 512 numbers in half precision, a thousand random directions in turn; their values do not affect the
// time.
import { readFileSync } from 'node:fs'
import { openDatabase } from '../dist/db/connection.js'
import { PostgresIngestRepository } from '../dist/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../dist/db/label-repository.js'
import { migrate } from '../dist/db/migrate.js'
import { toVectorText } from '../dist/db/vector.js'
import { startPostgres } from './support/postgres.mjs'
import { readOptions, report, round, say } from './support/report.mjs'

const DIMENSION = 512
const DIRECTIONS = 1000
const FORMER_PAGE = 1000
const LABELS = ['dawn', 'day', 'dusk', 'night']
const MODEL = {
  name: 'bench',
  precision: 'fp32',
  revision: 'r',
  dimension: DIMENSION,
  scoring: 'softmax',
  logitScale: 100,
  logitBias: 0,
}

const options = readOptions({
  photos: { type: 'string', default: '1000000' },
  sessions: { type: 'string', default: '1,4' },
  former: { type: 'string', default: '100000' },
  'database-url': { type: 'string' },
})
const photos = Number(options.photos)
const former = Math.min(photos, Number(options.former))
const sessions = options.sessions.split(',').map(Number)

const own = options['database-url'] === undefined ? await startPostgres() : null
const database = await openDatabase({ url: options['database-url'] ?? own.url, maxConnections: Math.max(...sessions) })
let state = 1
try {
  const rows = await measure()
  const tables = [{ title: `Labels of ${photos.toLocaleString('en-US')} photos, four a set`, rows }]
  const notes = ['The labels and scores of both ways are the same to the last bit.']
  report(options, { bench: 'label', settings: { photos, sessions, former }, tables, notes })
} finally {
  await database.close()
  await own?.stop()
}

async function measure() {
  await migrate(database)
  const modelId = await new PostgresIngestRepository(database).registerModel(MODEL)
  await embed(modelId)
  const prompts = LABELS.map(direction)
  const rows = []
  const add = (way, count, seconds) => {
    rows.push({ way, photos: count, seconds: round(seconds), 'photos per second': Math.round(count / seconds) })
    say(`${way}: ${count} photos in ${seconds.toFixed(1)} s`)
  }
  add('former way, 1 session', former, await formerWay(modelId, prompts))
  for (const count of sessions) {
    const set = { name: `set_${count}`, template: 'at {label}', labels: LABELS }
    const labels = new PostgresLabelRepository(database, { sessions: count })
    const label = async definition => {
      await labels.savePrompts(modelId, definition, prompts)
      const start = performance.now()
      const labelled = await labels.labelPhotos(modelId, set.name)
      if (labelled !== photos) throw new Error(`${photos} labelled photos expected, found ${labelled}`)
      return (performance.now() - start) / 1000
    }
    add(`new set, ${named(count)}`, photos, await label(set))
    await expectSame(set.name)
    add(`changed set, ${named(count)}`, photos, await label({ ...set, template: 'in the {label}' }))
    await expectSame(set.name)
  }
  return rows
}

function named(count) {
  return `${count} ${count === 1 ? 'session' : 'sessions'}`
}

async function embed(modelId) {
  await database.query('create table directions (i integer primary key, embedding halfvec not null)')
  await database.query(
    `insert into directions
     select i, embedding::halfvec from unnest($1::text[]) with ordinality as new (embedding, i)`,
    [Array.from({ length: DIRECTIONS }, () => toVectorText(direction()))],
  )
  await database.transaction(
    async session => {
      // Labelling reads only embeddings. Without photos, no foreign keys need checking, which takes a minute.
      await session.query('set local session_replication_role = replica')
      // Unordered ids, like those of photos.
      await session.query(
        `insert into embeddings (model_id, photo_id, embedding)
         select $1, md5(n::text), d.embedding
           from generate_series(1, $2::integer) as n join directions d on d.i = 1 + n % $3::integer`,
        [modelId, photos, DIRECTIONS],
      )
    },
    { unlimited: true },
  )
  await database.query('vacuum analyze embeddings')
  say(`${photos} embeddings are there`)
}

/** Labels as version 0007 of the schema did, and its program. @returns seconds */
async function formerWay(modelId, prompts) {
  const labels = new PostgresLabelRepository(database)
  await labels.savePrompts(modelId, { name: 'former', template: '{label}', labels: LABELS }, prompts)
  await database.query('create table former_labels (like photo_labels)')
  await database.query('alter table former_labels add primary key (model_id, set_name, photo_id)')
  await database.query('create index on former_labels (model_id, set_name, label)')
  await database.query(readFileSync(new URL('../test/db/former-label-batch.sql', import.meta.url), 'utf8'))
  const start = performance.now()
  let last = ''
  for (let done = 0; done < former; done += FORMER_PAGE) {
    const [page] = await database.query(
      `with page as (
         select e.photo_id from embeddings e
          where e.model_id = $1 and e.photo_id > $2
            and not exists (
                  select from former_labels l
                   where l.model_id = $1 and l.set_name = 'former' and l.photo_id = e.photo_id)
          order by e.photo_id limit $3
       ), whole as (
         select array_agg(photo_id) as photo_ids, max(photo_id) as last from page
       )
       select last, former_batch($1, 'former', photo_ids) from whole`,
      [modelId, last, Math.min(FORMER_PAGE, former - done)],
    )
    last = page.last
  }
  return (performance.now() - start) / 1000
}

async function expectSame(setName) {
  const [{ same }] = await database.query(
    `select count(*) as same from former_labels f join photo_labels l on l.photo_id = f.photo_id and l.set_name = $1
      where (l.label, l.score, l.scores) = (f.label, f.score, f.scores)`,
    [setName],
  )
  if (same !== former) throw new Error(`${former} labels as the former way gave them expected, found ${same}`)
}

/** Random, of unit length, the same in every run. */
function direction() {
  const values = Float32Array.from({ length: DIMENSION }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32 - 0.5
  })
  const norm = Math.hypot(...values)
  return values.map(value => value / norm)
}
