// Searches of every kind in the collection of the rehearsal, timed.
import pg from 'pg'
import { toVectorText } from '../../dist/db/vector.js'
import { round } from '../support/report.mjs'
import { oneClient } from '../support/search/search-measure.mjs'
import { openVectors } from './vectors.mjs'

const CLIENTS = 4
const LIMIT_MS = 120_000

/** Conditions that few, some and half of the photos fulfil; the last one by a label. */
const FILTERS = {
  'one photographer': [{ column: 'photographer_username', operator: '=', value: 'photographer7' }],
  'one photo in 100': [{ column: 'exif_iso', operator: '<', value: 200 }],
  'one photo in 3': [{ column: 'exif_iso', operator: '>=', value: 3200 }],
}

const HYBRID = `select photo_id from search_hybrid($1, 10, query => $2::vector, kind => 'text') order by rank`
const LABELLED = `
  select photo_id from search_photos($1::vector, 10, labels => '[{"set": "taken_time", "label": "night"}]', kind => 'text')
   order by rank`

/** @returns one row per kind of search: p50, p95, p99 in ms, queries per second, the least number of hits */
export async function measureSearches(url, database, count) {
  const vectors = openVectors(4711)
  const [{ id: modelId }] = await database.query('select id from models')
  const texts = Array.from({ length: count }, (_, i) => toVectorText(vectors.text(7 * i + 3)))
  const images = Array.from({ length: count }, () => toVectorText(vectors.photo()))
  const words = await frequentWords(database)
  const about = { modelId, limitMs: LIMIT_MS }
  const rows = []
  const add = (search, { p50, p95, p99, qps, answers, queries }) =>
    rows.push({
      search,
      queries,
      p50,
      p95,
      p99,
      'per second': qps,
      'least hits': Math.min(...answers.map(ids => ids.length)),
    })
  add('by text', await oneClient(url, { ...about, kind: 'text', queries: texts }))
  add('by image', await oneClient(url, { ...about, kind: 'image', queries: images }))
  for (const [name, filters] of Object.entries(FILTERS))
    add(`by text, ${name}`, await oneClient(url, { ...about, kind: 'text', queries: texts, filters }))
  add('by text, a label', await oneClient(url, { ...about, sql: LABELLED, queries: texts.map(query => [query]) }))
  add(
    'by text and words',
    await oneClient(url, { ...about, sql: HYBRID, queries: texts.map((query, i) => [words[i % words.length], query]) }),
  )
  add('exact, by text', await exactly(url, { ...about, kind: 'text', queries: texts.slice(0, 10) }))
  for (const [kind, queries] of Object.entries({ text: texts, image: images }))
    rows.push(await together(url, { ...about, kind, queries }))
  return rows
}

/** The same searches without the index, in a transaction that is rolled back. */
async function exactly(url, { modelId, kind, queries }) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('begin')
    await client.query('delete from search_settings where model_id = $1', [modelId])
    const [times, answers] = [[], []]
    for (const query of queries) {
      const from = performance.now()
      const { rows } = await client.query(
        `select photo_id from search_embeddings($1, $2::vector, 10, 0, '[]', '[]', kind => $3)`,
        [modelId, query, kind],
      )
      times.push(performance.now() - from)
      answers.push(rows)
    }
    await client.query('rollback')
    const sorted = times.toSorted((a, b) => a - b)
    const at = share => round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))])
    const sum = times.reduce((total, time) => total + time, 0)
    return {
      queries: times.length,
      p50: at(0.5),
      p95: at(0.95),
      p99: at(0.99),
      qps: round((1000 * times.length) / sum),
      answers,
    }
  } finally {
    await client.end()
  }
}

async function together(url, about) {
  const found = await Promise.all(Array.from({ length: CLIENTS }, () => oneClient(url, about)))
  const most = name => Math.max(...found.map(one => one[name]))
  return {
    search: `by ${about.kind}, ${CLIENTS} clients`,
    queries: found.reduce((sum, { queries }) => sum + queries, 0),
    p50: most('p50'),
    p95: most('p95'),
    p99: most('p99'),
    'per second': round(found.reduce((sum, { qps }) => sum + qps, 0)),
    'least hits': Math.min(...found.flatMap(({ answers }) => answers.map(ids => ids.length))),
  }
}

/** Words of some descriptions: frequent ones, as people search for. */
async function frequentWords(database) {
  const rows = await database.query(
    `select split_part(ai_description, ' ', 1) as word from (select ai_description from photos limit 20000) as described
      where ai_description is not null group by 1 order by count(*) desc limit 50`,
  )
  return rows.map(({ word }) => word)
}
