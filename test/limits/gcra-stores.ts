import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '../../src/db/connection.js'
import { ensureEmbeddedServer, stopEmbeddedServer } from '../../src/db/embedded/embedded-server.js'
import { migrate } from '../../src/db/migrate.js'
import type { GcraStore } from '../../src/limits/gcra-store.js'
import { PostgresGcraStore } from '../../src/limits/postgres-gcra-store.js'
import { RedisGcraStore } from '../../src/limits/redis-gcra-store.js'
import { SharedRateLimiter } from '../../src/limits/shared-rate-limiter.js'
import { processIdentity } from '../../src/locks/process-identity.js'
import { connectToRedis } from '../../src/queue/redis-connection.js'
import { parseRedisUrl } from '../../src/queue/redis-url.js'
import { plantDatabase } from '../support/servers/embedded-seed.js'
import { hasNativeServer, hasOwnServer, nativeServer, startPostgres } from '../support/servers/postgres.js'
import { hasRedis, startRedis } from '../support/servers/redis.js'
import { startCluster, startSentinels } from '../support/servers/redis-topologies.js'
import { until } from '../support/until.js'

const SECOND = 1000

/** Where the ledger is, as data, so that another process can open it too. */
export interface Address {
  kind: 'redis' | 'postgres'
  url: string
}

export interface LedgerServer {
  address: Address
  stop(): Promise<void>
  /** It dies at once. Where it is somebody's own, and not the tests' to kill, there is neither this nor the next. */
  kill?(): Promise<void>
  /** At the same address, with what it had stored. */
  restart?(): Promise<void>
}

export interface LedgerKind {
  name: string
  /** Whether it stays away once it was killed, until it is started again. */
  canBeAway(): boolean
  available(): boolean
  start(): Promise<LedgerServer>
}

export const LEDGER_KINDS: LedgerKind[] = [
  {
    name: 'Redis',
    canBeAway: () => true,
    available: hasRedis,
    async start() {
      const redis = await startRedis()
      return { ...redis, address: { kind: 'redis', url: redis.url } }
    },
  },
  {
    name: 'native Postgres',
    canBeAway: hasOwnServer,
    available: hasNativeServer,
    start: startNative,
  },
  { name: 'embedded Postgres', canBeAway: () => true, available: () => true, start: startEmbedded },
]

/** What clients of Redis have to find first: in the test of these alone, as they take their time to start. */
export const TOPOLOGY_KINDS: LedgerKind[] = [
  {
    name: 'Redis Cluster',
    canBeAway: () => true,
    available: hasRedis,
    async start() {
      const { url, masters, stop } = await startCluster()
      return {
        address: { kind: 'redis', url },
        stop,
        kill: async () => void (await Promise.all(masters.map(master => master.kill()))),
        restart: async () => void (await Promise.all(masters.map(master => master.restart()))),
      }
    },
  },
  {
    name: 'Redis Sentinel',
    canBeAway: () => false, // the replica takes over
    available: hasRedis,
    async start() {
      const { url, master, stop } = await startSentinels()
      return { address: { kind: 'redis', url }, stop, kill: () => master.kill() }
    },
  },
]

async function startNative(): Promise<LedgerServer> {
  if (!hasOwnServer()) {
    const given = await nativeServer()
    return withSchema({ address: { kind: 'postgres', url: await given.freshUrl() }, stop: () => given.close() })
  }
  const own = await startPostgres()
  return withSchema({ ...own, address: { kind: 'postgres', url: own.url } })
}

async function startEmbedded(): Promise<LedgerServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'uc-limits-'))
  await plantDatabase(dataDir, 'schema')
  const start = () => ensureEmbeddedServer({ dataDir, idleMs: 120 * SECOND })
  let running = await start()
  const gone = (pid: number) => until('the end of the embedded server', () => processIdentity(pid) === null)
  return withSchema({
    address: { kind: 'postgres', url: running.url },
    async kill() {
      process.kill(running.pid, 'SIGKILL')
      await gone(running.pid)
    },
    async restart() {
      running = await start()
    },
    async stop() {
      await stopEmbeddedServer(dataDir)
      await gone(running.pid)
      await rm(dataDir, { recursive: true })
    },
  })
}

async function withSchema(server: LedgerServer): Promise<LedgerServer> {
  const database = await openDatabase({ url: server.address.url })
  await migrate(database)
  await database.close()
  return server
}

export interface OpenGcraStore {
  gcra: GcraStore
  close(): Promise<void>
}

export async function openGcraStore({ kind, url }: Address): Promise<OpenGcraStore> {
  if (kind === 'redis') {
    const client = connectToRedis(parseRedisUrl(url), undefined, { waitsForServer: false })
    const gcra = await RedisGcraStore.open(client, '{test}:hosts')
    return { gcra, close: () => gcra.close() }
  }
  const database = await openDatabase({ url, maxConnections: 2 })
  return { gcra: new PostgresGcraStore(database), close: () => database.close() }
}

export interface OpenLimiter {
  limiter: SharedRateLimiter
  /** What it reported. */
  troubles: unknown[]
  close(): Promise<void>
}

export async function openLimiter(address: Address, rate: number): Promise<OpenLimiter> {
  const { gcra, close } = await openGcraStore(address)
  const troubles: unknown[] = []
  const limiter = new SharedRateLimiter({ gcra, rate, onTrouble: error => troubles.push(error) })
  return {
    limiter,
    troubles,
    async close() {
      await limiter.close()
      await close()
    },
  }
}
