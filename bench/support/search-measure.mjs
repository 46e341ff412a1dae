// Searches through SQL, timed: recall against the true nearest, and milliseconds, with one client or several.
import pg from 'pg'
import { toVectorText } from '../../dist/src/db/vector.js'
import { fromHalf, openHalves } from './npy.mjs'
import { round } from './report.mjs'
import { photoId } from './search-database.mjs'

const SEARCH = `
  select photo_id from search_embeddings($1, $2::vector, 10, 0, '[]', $4::jsonb, kind => $3) order by rank`
const SET = `
  insert into search_settings (model_id, query_kind, method, index_name, effort) values ($1, $2, $3, $4, $5)
  on conflict (model_id, query_kind) do update
     set method = excluded.method, index_name = excluded.index_name, effort = excluded.effort`

/** Vectors of a file of halves as texts that Postgres reads. */
export function vectorTexts(file, most = Number.POSITIVE_INFINITY) {
  const matrix = openHalves(file)
  try {
    const rows = Math.min(matrix.rows, most)
    const halves = matrix.read(0, rows)
    return Array.from({ length: rows }, (_, i) =>
      toVectorText(Float32Array.from(halves.subarray(i * matrix.columns, (i + 1) * matrix.columns), fromHalf)),
    )
  } finally {
    matrix.close()
  }
}

/** How queries of a kind are answered from now on: `method` and index as `index tune` writes them. */
export async function useSetting(database, modelId, kind, { method, index = null, effort = null }) {
  await database.query(SET, [modelId, kind, method, index, effort])
}

/**
 * Every query once, one at a time, after the first ones that open plans and caches.
 * @param found rows of photo_id; those of search_embeddings unless told
 * @param truth the ids, or row numbers, that should be found, one list a query; null: what is found is not judged
 */
export async function oneClient(
  url,
  { modelId, kind, queries, truth, filters = [], sql = SEARCH, prepare = [], limitMs = 30_000 },
) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    for (const statement of prepare) await client.query(statement)
    const search = query =>
      client.query({
        name: 'search',
        text: sql,
        values: sql === SEARCH ? [modelId, query, kind, JSON.stringify(filters)] : [query],
      })
    // Six: from the sixth execution on Postgres may keep one plan for all.
    for (let i = 0; i < 6; i++) await search(queries[i % queries.length])
    const [times, answers] = [[], []]
    const start = performance.now()
    for (const query of queries) {
      const from = performance.now()
      const { rows } = await search(query)
      times.push(performance.now() - from)
      answers.push(rows.map(row => row.photo_id))
      if (performance.now() - start > limitMs) break
    }
    return { ...summary(times), ...(truth ? { recall: recallOf(answers, truth) } : {}), answers }
  } finally {
    await client.end()
  }
}

/** Several clients, each with a connection of its own, as fast as they get answers. */
export async function manyClients(url, clients, { modelId, kind, queries, seconds }) {
  const connections = Array.from({ length: clients }, () => new pg.Client({ connectionString: url }))
  await Promise.all(connections.map(client => client.connect()))
  try {
    const ask = (client, i) =>
      client.query({ name: 'search', text: SEARCH, values: [modelId, queries[i % queries.length], kind, '[]'] })
    for (let i = 0; i < 6; i++) await Promise.all(connections.map(client => ask(client, i)))
    const times = []
    const start = performance.now()
    await Promise.all(
      connections.map(async (client, number) => {
        for (let i = number * 17; performance.now() - start < 1000 * seconds; i++) {
          const from = performance.now()
          await ask(client, i)
          times.push(performance.now() - from)
        }
      }),
    )
    return { ...summary(times), qps: round((1000 * times.length) / (performance.now() - start)) }
  } finally {
    await Promise.all(connections.map(client => client.end()))
  }
}

function summary(times) {
  const sorted = times.toSorted((a, b) => a - b)
  const at = share => round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))])
  const sum = times.reduce((total, time) => total + time, 0)
  return { queries: times.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), qps: round((1000 * times.length) / sum) }
}

function recallOf(answers, truth) {
  let [found, wanted] = [0, 0]
  for (const [i, answer] of answers.entries()) {
    const ids = new Set(truth[i].map(id => (typeof id === 'number' ? photoId(id) : id)))
    found += answer.filter(id => ids.has(id)).length
    wanted += ids.size
  }
  return round(found / wanted, 4)
}
