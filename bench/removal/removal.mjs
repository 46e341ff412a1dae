// Removal of photos while others search: how long it takes, and whether everything agrees afterwards
//
//   npm run bench -- removal [--photos 100000] [--remove 24000] [--searches 4] [--copy-bytes 4096] [--database-url URL]
//     [--json] [--out FILE]
//
// Photos have a 512-d embedding, a label of two sets, a country, and a file as copy in a folder. Without --database-url it
// starts its own Postgres; the database must be empty. Then histogram, facets, searches and copies are compared with what
// must be left, and any difference ends it with an error.
import { deepStrictEqual } from 'node:assert'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '../../dist/db/connection.js'
import { PostgresRemovalRepository } from '../../dist/db/ingest/removal-repository.js'
import { PostgresLabelRepository } from '../../dist/db/label-repository.js'
import { copyKey } from '../../dist/domain/places/copy-key.js'
import { removePhotos } from '../../dist/producers/removal/remove-photos.js'
import { FolderStore } from '../../dist/storage/folder-store.js'
import { startPostgres } from '../support/postgres.mjs'
import { median, readOptions, report, round, say } from '../support/report.mjs'
import { fillCollection, SETS, unitVector, vectorText } from './collection.mjs'

const SETTINGS = { height: 512, quality: 65 }

const options = readOptions({
  photos: { type: 'string', default: '100000' },
  remove: { type: 'string', default: '24000' },
  searches: { type: 'string', default: '4' },
  'copy-bytes': { type: 'string', default: '4096' },
  'database-url': { type: 'string' },
})
const [photos, remove, searches] = [options.photos, options.remove, options.searches].map(Number)
const ids = Array.from({ length: photos }, (_, i) => `photo-${String(i).padStart(8, '0')}`)
// Spread over the whole table, as a takedown or a dropped release is.
const doomed = ids.filter((_, i) => Math.floor(((i + 1) * remove) / photos) > Math.floor((i * remove) / photos))
const own = options['database-url'] === undefined ? await startPostgres() : null
const database = await openDatabase({ url: options['database-url'] ?? own.url, maxConnections: searches + 6 })
const folder = mkdtempSync(join(tmpdir(), 'unsplash-clip-removal-'))
try {
  const modelId = await fill()
  const alone = await searchFor(() => new Promise(resolve => setTimeout(resolve, 5000)))
  say('removing')
  const startedAt = performance.now()
  const beside = await searchFor(() =>
    removePhotos(doomed, {
      removals: new PostgresRemovalRepository(database, 'bench'),
      store: async () => new FolderStore(folder),
      copyKey: id => copyKey(id, SETTINGS),
    }),
  )
  const seconds = (performance.now() - startedAt) / 1000
  await check(modelId, beside.result)
  report(options, {
    bench: 'removal',
    settings: { photos, remove, searches },
    tables: [
      {
        title: `Removal of ${remove} of ${photos} photos beside ${searches} searches`,
        rows: [
          {
            seconds: round(seconds),
            'photos/s': round(remove / seconds),
            'median search, ms': round(median(beside.ms)),
            'longest search, ms': round(Math.max(...beside.ms)),
            'median alone, ms': round(median(alone.ms)),
          },
        ],
      },
    ],
    notes: ['Histogram, facets, searches and copies agree with the photos that are left.'],
  })
} finally {
  await database.close()
  await own?.stop()
  rmSync(folder, { recursive: true })
}

async function fill() {
  say(`writing ${photos} photos and copies`)
  const modelId = await fillCollection(database, ids)
  const copy = Buffer.alloc(Number(options['copy-bytes']), 1)
  mkdirSync(join(folder, 'h512-q65'))
  for (const id of ids) writeFileSync(join(folder, copyKey(id, SETTINGS)), copy)
  return modelId
}

/** Searches from several sessions until the work is done. @returns its result, and the ms of each search */
async function searchFor(work) {
  let isOver = false
  const ms = []
  const searching = Array.from({ length: searches }, async () => {
    while (!isOver) {
      const startedAt = performance.now()
      await nearest()
      ms.push(performance.now() - startedAt)
    }
  })
  const result = await work().finally(() => {
    isOver = true
  })
  await Promise.all(searching)
  return { result, ms }
}

function nearest(k = 10) {
  return database.query(`select photo_id from search_embeddings(model_id_of(null), $1::vector, $2, 0, '[]', '[]')`, [
    vectorText(unitVector()),
    k,
  ])
}

async function check(modelId, removed) {
  const left = new Set(ids)
  for (const id of doomed) left.delete(id)
  deepStrictEqual(removed, { photos: doomed.length, copies: doomed.length })
  deepStrictEqual(readdirSync(join(folder, 'h512-q65')).length, left.size)
  const labels = new PostgresLabelRepository(database)
  for (const { name } of SETS) {
    const histogram = await labels.histogram(modelId, name)
    deepStrictEqual(
      histogram.reduce((sum, { photos }) => sum + Number(photos), 0),
      left.size,
    )
  }
  const facets = await database.query(`select value, photos::integer from search_facets(array['country'])`)
  const wanted = new Map()
  for (const id of left) {
    const country = `country ${(Number(id.slice(6)) + 1) % 10}`
    wanted.set(country, (wanted.get(country) ?? 0) + 1)
  }
  deepStrictEqual(new Map(facets.map(({ value, photos }) => [value, photos]).sort()), new Map([...wanted].sort()))
  for (let i = 0; i < 20; i++) for (const { photo_id: id } of await nearest(100)) deepStrictEqual(left.has(id), true)
}
