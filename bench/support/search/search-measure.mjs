// Searches through SQL, timed: recall against the true nearest, and milliseconds, with one client or several.
import pg from 'pg'
import { toVectorText } from '../../../dist/db/vector.js'
import { fromHalf, openHalves } from '../npy.mjs'
import { round } from '../report.mjs'
import { photoId } from './search-database.mjs'

const SEARCH = `
  select photo_id, score from search_embeddings($1, $2::vector, 10, 0, '[]', $4::jsonb, kind => $3) order by rank`
const SET = `
  insert into search_settings (model_id, query_kind, method, index_name, effort) values ($1, $2, $3, $4, $5)
  on conflict (model_id, query_kind) do update
     set method = excluded.method, index_name = excluded.index_name, effort = excluded.effort`

/** Vectors of a file of halves, as text for Postgres. */
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

/** Sets how queries of a kind are answered: `method` and index as `index tune` writes them. */
export async function useSetting(database, modelId, kind, { method, index = null, effort = null }) {
  await database.query(SET, [modelId, kind, method, index, effort])
}

/**
 * Runs every query once, one at a time, after a few that fill plans and caches.
 * @param sql gives rows of photo_id, each query is a list of its parameters; search_embeddings unless told
 * @param warmMs how long the queries are run before, untimed, to fill caches
 * @returns times, recall, `answers` (ids) and `scores`, one list per query
 * @param truth the ids, or row numbers, that should be found, one list a query; null: what is found is not judged
 */
export async function oneClient(url, { queries, truth, limitMs = 30_000, warmMs = 0, ...about }) {
  const { search, end } = await searching(url, about)
  try {
    // Six: from the sixth execution on Postgres may keep one plan for all.
    for (let i = 0; i < 6; i++) await search(queries[i % queries.length])
    const warm = performance.now()
    for (const query of queries) {
      if (performance.now() - warm > warmMs) break
      await search(query)
    }
    const [times, answers, scores] = [[], [], []]
    const start = performance.now()
    for (const query of queries) {
      const from = performance.now()
      const { rows } = await search(query)
      times.push(performance.now() - from)
      answers.push(rows.map(row => row.photo_id))
      scores.push(rows.map(row => row.score))
      if (performance.now() - start > limitMs) break
    }
    return { ...summary(times), ...(truth ? { recall: recallOf(answers, truth) } : {}), answers, scores }
  } finally {
    await end()
  }
}

/**
 * Clients that each ask one query after the other, all at once, the same queries from different starts.
 * @returns what {@link oneClient} does of times, and `perSecond`: queries of all clients
 */
export async function severalClients(url, { clients, queries, forMs, ...about }) {
  const sessions = await Promise.all(Array.from({ length: clients }, () => searching(url, about)))
  try {
    for (const { search } of sessions) for (let i = 0; i < 6; i++) await search(queries[i % queries.length])
    const times = []
    const start = performance.now()
    await Promise.all(
      sessions.map(async ({ search }, client) => {
        for (let i = Math.floor((client * queries.length) / clients); performance.now() - start < forMs; i++) {
          const from = performance.now()
          await search(queries[i % queries.length])
          times.push(performance.now() - from)
        }
      }),
    )
    return { ...summary(times), perSecond: round((1000 * times.length) / (performance.now() - start)) }
  } finally {
    await Promise.all(sessions.map(({ end }) => end()))
  }
}

/** A connection, and what searches on it. */
async function searching(url, { modelId, kind, filters = [], sql = SEARCH, prepare = [] }) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  for (const statement of prepare) await client.query(statement)
  return {
    search: query =>
      client.query({
        name: 'search',
        text: sql,
        values: sql === SEARCH ? [modelId, query, kind, JSON.stringify(filters)] : query,
      }),
    end: () => client.end(),
  }
}

/** Efforts that differ by less than this factor count as equal. */
const CLOSE = 1.05

/**
 * The least effort with which a recall is reached: doubles it until it is, then bisects.
 * @returns {Promise<number | null>} null when `most` does not reach it
 */
export async function leastEffort(most, wanted, recallAt) {
  let [below, effort] = [0, 1]
  while ((await recallAt(effort)) < wanted) {
    if (effort === most) return null
    ;[below, effort] = [effort, Math.min(2 * effort, most)]
  }
  while (effort - below > 1 && effort > CLOSE * below) {
    const middle = Math.round(Math.sqrt(Math.max(below, 1) * effort))
    if (middle === below || middle === effort) break
    if ((await recallAt(middle)) >= wanted) effort = middle
    else below = middle
  }
  return effort
}

/** Share of the vectors in the lists that an ivfflat index probes for a query, mean of twenty. */
export async function vectorsRead(database, probes, count, queries, table, distance) {
  let rows = 0
  const sample = queries.slice(0, 20)
  for (const query of sample)
    rows += await database.transaction(async session => {
      await session.query(`set local ivfflat.probes = ${probes}`)
      await session.query('set local enable_seqscan = off')
      await session.query('set local enable_sort = off')
      const [{ read }] = await session.query(
        `select count(*)::int as read from (select ${distance} as d from ${table} order by ${distance} offset 0) probed`,
        [query],
      )
      return read
    })
  return rows / sample.length / count
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
