// Memory over many requests, and more clients than the server takes.
import { round } from '../support/report.mjs'
import { load } from './load.mjs'

const SAMPLES = 20
const CLIENTS = 4

/** Requests of every kind, also wrong ones. @returns the resident set after each twentieth, and the ms of each request */
export async function memory(server, words, requests, say) {
  const search = () => `/api/v1/search?k=20&q=${encodeURIComponent(words())}`
  const kinds = [
    ...[() => '/api/v1/photos/photo-1', () => '/api/v1/photos?k=10', () => '/api/v1/models', () => '/'],
    ...[search, () => '/api/v1/search?k=5&photo=photo-2', () => '/api/v1/label-sets/taken_time?sample=2'],
    ...[() => '/api/v1/photos/photo-3/vector', () => '/api/v1/copies/h512-q65/photo-4.jpg', () => '/metrics'],
    ...[() => '/api/v1/search?k=x', () => '/api/v1/photos/nobody', () => '/nowhere', () => '/healthz'],
  ]
  const samples = [{ requests: 0, 'RSS, MiB': round(server.residentMib()) }]
  const times = []
  for (let part = 1; part <= SAMPLES; part++) {
    const done = await load(CLIENTS, Math.ceil(requests / SAMPLES), async () => {
      const { ms, status } = await server.ask(kinds[Math.floor(Math.random() * kinds.length)]())
      if (status >= 500) throw new Error(`a request was answered with ${status}`)
      return ms
    })
    times.push(...done.times)
    samples.push({ requests: part * Math.ceil(requests / SAMPLES), 'RSS, MiB': round(server.residentMib()) })
    say(JSON.stringify(samples.at(-1)))
  }
  return { samples, times }
}

/** @returns statuses of the answers of two bursts, and how long a single search took after each */
export async function burst(server, words, clients) {
  const rows = []
  for (let time = 1; time <= 2; time++) {
    const search = () => server.ask(`/api/v1/search?k=50&q=${encodeURIComponent(words())}`)
    const startedAt = performance.now()
    const answers = await Promise.all(Array.from({ length: clients }, search))
    const seconds = (performance.now() - startedAt) / 1000
    const count = status => answers.filter(answer => answer.status === status).length
    const after = await search()
    const { status: health } = await server.ask('/healthz')
    rows.push({
      burst: time,
      'status 200': count(200),
      'status 503': count(503),
      'other statuses': clients - count(200) - count(503),
      'all answered after, s': round(seconds),
      'the next search': after.status,
      'took, ms': round(after.ms),
      healthz: health,
    })
  }
  return rows
}
