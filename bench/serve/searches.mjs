// Searches through the API and in SQL, in turns.
import pg from 'pg'
import { BY_VECTOR } from '../../dist/db/search/search-sql.js'
import { toVectorText } from '../../dist/db/vector.js'
import { resolveModel } from '../../dist/models/catalog/registry.js'
import { modelFolder } from '../../dist/models/files/files.js'
import { openEncoderThread } from '../../dist/models/runtime/encoder-thread.js'
import { round } from '../support/report.mjs'
import { load, newWords, summary } from './load.mjs'

const HITS = 50
const WARM = 10

/**
 * @returns a row per number of clients and way: `api`; `embed + sql`: the same text tower in a thread of this process, then the
 * same statement; `sql`: the statement alone; `words`: the text tower through the API
 */
export async function compareWithSql({ server, url, clients, queries, rounds, say }) {
  const words = newWords()
  const { text } = await server.ask('/api/v1/models')
  const model = JSON.parse(text).models[0]
  const rows = []
  const spec = resolveModel(model.model)
  const encoder = await openEncoderThread(spec, modelFolder(spec, process.env.MODELS_DIR ?? ''), { towers: 'text' })
  for (const count of clients) {
    const sessions = await Promise.all(Array.from({ length: count }, () => connected(url)))
    const modelId = (await sessions[0].query('select id from models order by id limit 1')).rows[0].id
    const vectors = await vectorsOf(server, words, Math.ceil(queries / rounds) * rounds)
    let next = 0
    const searched = async (client, vector) => {
      const values = [modelId, HITS, 0, '[]', '[]', null, null, null, vector, 'text', null]
      await sessions[client].query({ text: BY_VECTOR, values })
    }
    const ways = {
      api: async () => {
        const { ms, status } = await server.ask(`/api/v1/search?k=${HITS}&q=${encodeURIComponent(words())}`)
        if (status !== 200) throw new Error(`a search was answered with ${status}`)
        return ms
      },
      'embed + sql': client =>
        timed(async () => searched(client, toVectorText((await encoder.encodeTexts([words()]))[0]))),
      sql: client => timed(() => searched(client, vectors[next++ % vectors.length])),
      words: async () => (await server.ask('/api/v1/embed', { method: 'POST', body: { texts: [words()] } })).ms,
    }
    for (const way of Object.values(ways)) await load(count, WARM, way)
    const measured = Object.fromEntries(Object.keys(ways).map(way => [way, { times: [], seconds: 0 }]))
    for (let turn = 1; turn <= rounds; turn++)
      for (const [name, way] of Object.entries(ways)) {
        say(`${model.photos} photos, ${count} clients, ${name}, round ${turn}`)
        const { times, seconds } = await load(count, Math.ceil(queries / rounds), way)
        measured[name].times.push(...times)
        measured[name].seconds += seconds
      }
    for (const [way, { times, seconds }] of Object.entries(measured))
      rows.push({
        clients: count,
        way,
        queries: times.length,
        ...summary(times),
        'per s': round(times.length / seconds),
      })
    for (const session of sessions) await session.end()
  }
  await encoder.close()
  return rows
}

async function timed(work) {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

async function connected(url) {
  const client = new pg.Client({ connectionString: url })
  // Postgres ends before the sessions where a query failed, and that query's error is the one to show.
  client.on('error', () => {})
  await client.connect()
  return client
}

/** Of words that nobody asks for again. */
async function vectorsOf(server, words, count) {
  const vectors = []
  while (vectors.length < count) {
    const texts = Array.from({ length: Math.min(64, count - vectors.length) }, words)
    const { text } = await server.ask('/api/v1/embed', { method: 'POST', body: { texts } })
    vectors.push(...JSON.parse(text).texts.map(vector => toVectorText(Float32Array.from(vector))))
  }
  return vectors
}
