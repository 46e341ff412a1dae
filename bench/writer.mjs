// Rows per second into Postgres as workers write them, beside a plain multi-row insert and COPY
//
// A worker writes photo, 512-d embedding, the labels of two sets and the counts of the batch; the others only the
// same photos and embeddings.
//
//   npm run bench -- writer [--rows 20480] [--rounds 3] [--database-url URL]
//
// Without --database-url it starts its own Postgres. The database must be empty. Every round measures every method
// once, in turn, each into empty tables; a figure is the median of the rounds.
import pg from 'pg'
import { openDatabase } from '../dist/db/connection.js'
import { PostgresIngestRepository } from '../dist/db/ingest/ingest-repository.js'
import { COLUMN_NAMES, toColumns, UPSERT_PHOTOS } from '../dist/db/ingest/photo-rows.js'
import { PostgresLabelRepository } from '../dist/db/label-repository.js'
import { migrate } from '../dist/db/migrate.js'
import { toVectorText } from '../dist/db/vector.js'
import { barePhoto } from '../dist/domain/photo.js'
import { startPostgres } from './support/postgres.mjs'
import { median, readOptions, report, round, say } from './support/report.mjs'

const DIMENSION = 512
const MODEL = {
  name: 'bench',
  precision: 'fp32',
  revision: 'r',
  dimension: DIMENSION,
  scoring: 'softmax',
  logitScale: 100,
  logitBias: 0,
}
const SETS = [
  { name: 'taken_time', template: '{label}', labels: ['dawn', 'day', 'dusk', 'night'] },
  { name: 'taken_space', template: '{label}', labels: ['indoor', 'outdoor'] },
]

const options = readOptions({
  rows: { type: 'string', default: '20480' },
  rounds: { type: 'string', default: '3' },
  'database-url': { type: 'string' },
})
const rows = Number(options.rows)
const own = options['database-url'] === undefined ? await startPostgres() : null
const database = await openDatabase({ url: options['database-url'] ?? own.url, maxConnections: 8 })
try {
  const tables = [{ title: 'Rows per second', rows: await measure() }]
  report(options, { bench: 'writer', settings: { rows, rounds: Number(options.rounds) }, tables })
} finally {
  await database.close()
  await own?.stop()
}

async function measure() {
  await migrate(database)
  const ingest = new PostgresIngestRepository(database)
  const labels = new PostgresLabelRepository(database)
  const modelId = await ingest.registerModel(MODEL)
  for (const set of SETS) await labels.savePrompts(modelId, set, set.labels.map(vector))
  await ingest.createRun({ id: 'bench', modelId, source: 'bench', options: {}, labelSets: SETS })
  const photos = Array.from({ length: rows }, (_, i) => photoOf(i))
  const ways = { worker: asWorker(ingest, modelId), insert: plainInsert(modelId), copy: plainCopy(modelId) }
  const cases = [64, 512].flatMap(batchSize => [1, 4].map(writers => ({ batchSize, writers })))
  const results = []
  for (const { batchSize, writers } of cases) {
    const rates = { worker: [], insert: [], copy: [] }
    for (let done = 0; done < Number(options.rounds); done++)
      for (const [way, write] of Object.entries(ways)) {
        await database.query('truncate photos, embeddings, failures, label_rows, batches cascade')
        const batches = split(photos, batchSize)
        // As the producer has done before the worker writes.
        if (way === 'worker')
          await ingest.addBatches(
            batches.map((batch, i) => ({
              id: `${i}`,
              runId: 'bench',
              photoIds: batch.map(photo => photo.photo.photo_id),
            })),
          )
        rates[way].push(await rowsPerSecond(batches, writers, write))
        await expectRows(way)
      }
    const [worker, insert, copy] = [median(rates.worker), median(rates.insert), median(rates.copy)]
    results.push({
      'photos per batch': batchSize,
      writers,
      'as workers write': Math.round(worker),
      'multi-row insert': Math.round(insert),
      COPY: Math.round(copy),
      'of insert': round(worker / insert, 2),
      'of COPY': round(worker / copy, 2),
    })
    say(`batches of ${batchSize}, ${writers} writers: ${Math.round(worker)} rows/s`)
  }
  return results
}

async function rowsPerSecond(batches, writers, write) {
  const start = performance.now()
  let next = 0
  const writer = async () => {
    while (next < batches.length) {
      const i = next++
      await write(batches[i], i)
    }
  }
  await Promise.all(Array.from({ length: writers }, writer))
  return (1000 * rows) / (performance.now() - start)
}

/** What the producer and a worker do for a batch. */
function asWorker(ingest, modelId) {
  return async (batch, i) => {
    await ingest.upsertPhotos(batch.map(({ photo }) => photo))
    await ingest.recordOutcome({
      parentId: `${i}`,
      modelId,
      embedded: batch.map(({ photo, embedding }) => ({ photoId: photo.photo_id, embedding, storedKey: null })),
      failures: [],
      labelSets: SETS.map(set => set.name),
    })
  }
}

function plainInsert(modelId) {
  const photos = UPSERT_PHOTOS.slice(0, UPSERT_PHOTOS.indexOf('on conflict'))
  const embeddings =
    'insert into embeddings (model_id, photo_id, embedding) select $1, id, v::halfvec from unnest($2::text[], $3::text[]) as new (id, v)'
  return async batch => {
    await database.query(photos, toColumns(batch.map(({ photo }) => photo)))
    const ids = batch.map(({ photo }) => photo.photo_id)
    await database.query(embeddings, [modelId, ids, batch.map(({ embedding }) => toVectorText(embedding))])
  }
}

function plainCopy(modelId) {
  const lines = batch => batch.map(row => `${row.map(value => value ?? '\\N').join('\t')}\n`).join('')
  return async batch => {
    const client = await database.pool.connect()
    try {
      const photos = batch.map(({ photo }) => COLUMN_NAMES.map(column => photo[column]))
      await copyIn(client, `copy photos (${COLUMN_NAMES.join(', ')}) from stdin`, lines(photos))
      const embeddings = batch.map(({ photo, embedding }) => [modelId, photo.photo_id, toVectorText(embedding)])
      await copyIn(client, 'copy embeddings (model_id, photo_id, embedding) from stdin', lines(embeddings))
    } finally {
      client.release()
    }
  }
}

/** https://www.postgresql.org/docs/15/protocol-flow.html#PROTOCOL-COPY */
function copyIn(client, sql, text) {
  return new Promise((resolve, reject) => {
    const query = new pg.Query(sql, error => (error ? reject(error) : resolve()))
    query.handleCopyInResponse = connection => {
      connection.sendCopyFromChunk(Buffer.from(text))
      connection.endCopyFrom()
    }
    client.query(query)
  })
}

async function expectRows(way) {
  const [found] = await database.query(
    `select (select count(*) from photos) as photos, (select count(*) from embeddings) as embeddings,
            (select count(*) from photo_labels) as labels`,
  )
  const wanted = { photos: rows, embeddings: rows, labels: way === 'worker' ? SETS.length * rows : 0 }
  if (JSON.stringify(found) !== JSON.stringify(wanted))
    throw new Error(`${way}: ${JSON.stringify(wanted)} expected, found ${JSON.stringify(found)}`)
}

function photoOf(i) {
  const photo = barePhoto(`photo-${String(i).padStart(8, '0')}`, `https://images.example/photo-${i}`)
  Object.assign(photo, {
    photo_width: 4000,
    photo_height: 3000,
    photo_description: `A photo, number ${i}`,
    exif_iso: i,
  })
  return { photo, embedding: vector(photo.photo_id, i) }
}

/** A direction of its own for every number, of unit length. */
function vector(_, i) {
  let state = Math.imul(i + 1, 2654435761) >>> 0
  const values = Float32Array.from({ length: DIMENSION }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32 - 0.5
  })
  const norm = Math.hypot(...values)
  return values.map(value => value / norm)
}

function split(list, size) {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))
}
