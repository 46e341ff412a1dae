// What a turn at an image host costs: requests a second without and with a rate limit that is never reached
//
// Through the guarded fetcher, to a server on loopback.
//
//   npm run bench -- host-rate redis://127.0.0.1:6379 postgres://127.0.0.1/unsplash
//
// One line a server that keeps the limits; a Postgres needs the schema (unsplash-clip db migrate).
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Redis } from 'ioredis'
import { openDatabase } from '../dist/src/db/connection.js'
import { PostgresSlotLedger } from '../dist/src/limits/postgres-ledger.js'
import { RedisSlotLedger } from '../dist/src/limits/redis-ledger.js'
import { SharedRateLimiter } from '../dist/src/limits/shared-rate-limiter.js'
import { GuardedFetcher } from '../dist/src/net/fetch.js'
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

async function ledgerAt(url) {
  if (!url.startsWith('redis')) return new PostgresSlotLedger(await openDatabase({ url, maxConnections: 2 }))
  return RedisSlotLedger.open(new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 2 }), '{bench}:hosts')
}

function counting(ledger) {
  const counted = { trips: 0 }
  const reserve = ledger.reserve.bind(ledger)
  ledger.reserve = (...parameters) => {
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
  const ledger = await ledgerAt(url)
  const counted = counting(ledger)
  const limiter = new SharedRateLimiter({ ledger, rate: RATE, onTrouble: error => console.error(error) })
  const [without, limited] = [[], []]
  // Side by side, so that whatever else the machine does meets both.
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
report(options, { bench: 'host-rate', tables: [{ title: 'Turns at an image host', rows }] })
process.exit()
