// The cost of the rate limiter of image hosts: requests per second without it, and with a limit that is never reached
//
// The requests use the guarded fetcher and go to a server on loopback.
//
//   npm run bench -- host-rate redis://127.0.0.1:6379 postgres://127.0.0.1/unsplash
//
// Prints one line per server that stores the limits; a Postgres needs the schema (npx unsplash-clip db migrate).
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Redis } from 'ioredis'
import { openDatabase } from '../dist/db/connection.js'
import { PostgresGcraStore } from '../dist/limits/postgres-gcra-store.js'
import { RedisGcraStore } from '../dist/limits/redis-gcra-store.js'
import { SharedRateLimiter } from '../dist/limits/shared-rate-limiter.js'
import { GuardedFetcher } from '../dist/net/fetch.js'
import { median, readOptions, report, round, spread } from './support/report.mjs'

const REQUESTS = 4000
const ROUNDS = 5
const RATE = 100_000
const CONCURRENCY = 8

const BODY = Buffer.alloc(20_000, 'x')
const server = createServer((_request, response) => response.end(BODY)).listen(0, '127.0.0.1')
await once(server, 'listening')
const host = `127.0.0.1:${server.address().port}`

async function requestsPerSecond(rateLimiter) {
  const fetcher = new GuardedFetcher({
    timeoutMs: 30_000,
    maxBytes: 1_000_000,
    maxRedirects: 0,
    concurrency: 16,
    hostConcurrency: CONCURRENCY,
    allowHosts: [host],
    userAgent: 'bench',
    rateLimiter,
  })
  const startedAt = performance.now()
  let left = REQUESTS
  const lane = async () => {
    while (left-- > 0) await fetcher.get(`http://${host}/`)
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, lane))
  const seconds = (performance.now() - startedAt) / 1000
  await fetcher.close()
  return REQUESTS / seconds
}

async function storeAt(url) {
  if (!url.startsWith('redis')) return new PostgresGcraStore(await openDatabase({ url, maxConnections: 2 }))
  return RedisGcraStore.open(new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 2 }), '{bench}:hosts')
}

function counting(store) {
  const counted = { trips: 0 }
  const reserve = store.reserve.bind(store)
  store.reserve = (...parameters) => {
    counted.trips++
    return reserve(...parameters)
  }
  return counted
}

const options = readOptions({}, { allowPositionals: true })
if (options.positionals.length === 0) throw new Error('Name the servers that keep the limits: redis://… postgres://…')
const rows = []
await requestsPerSecond(undefined) // warms up
for (const url of options.positionals) {
  const gcra = await storeAt(url)
  const counted = counting(gcra)
  const limiter = new SharedRateLimiter({ gcra, rate: RATE, onTrouble: error => console.error(error) })
  const [without, limited] = [[], []]
  // Side by side, so that other work on the machine affects both.
  for (let round = 0; round < ROUNDS; round++) {
    without.push(await requestsPerSecond(undefined))
    limited.push(await requestsPerSecond(limiter))
  }
  rows.push({
    'limits kept in': new URL(url).protocol.slice(0, -1),
    'without, requests/s': Math.round(median(without)),
    'with, requests/s': Math.round(median(limited)),
    ratio: spread(without.map((rate, i) => limited[i] / rate)),
    'round trips a request': round(counted.trips / (REQUESTS * ROUNDS)),
  })
  await limiter.close()
}
report(options, { bench: 'host-rate', tables: [{ title: 'Rate limiter of image hosts', rows }] })
process.exit()
