import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BullmqQueue, QueueOptions } from '../../src/queue/bullmq-queue.js'
import { openPostgresQueue, type PostgresQueueOptions } from '../../src/queue/postgres-backend.js'
import { openRedisQueue, type RedisQueueOptions } from '../../src/queue/redis-backend.js'
import { plantDatabase } from '../support/servers/embedded-seed.js'
import { hasNativeServer, hasOwnServer, nativeServer, startPostgres } from '../support/servers/postgres.js'
import { findsRedis, hasRedis, redisServer, startRedis } from '../support/servers/redis.js'

/** How to open a queue, as data, so that another process can do it too. */
export type Address =
  | ({ kind: 'redis' } & Pick<RedisQueueOptions, 'url' | 'tls'>)
  | ({ kind: 'postgres' } & Pick<PostgresQueueOptions, 'url' | 'embedded'>)

export interface QueueServer {
  address: Address
  stop(): Promise<void>
  /** Where the server is the test's own: kill -9, and start again at the same address with what it had stored. */
  kill?(): Promise<void>
  restart?(): Promise<void>
}

export interface ServerKind {
  name: string
  available(): boolean
  /** Whether its server is the test's own. */
  isKillable(): boolean
  start(): Promise<QueueServer>
}

export function openQueue(address: Address, options: QueueOptions): Promise<BullmqQueue> {
  return address.kind === 'redis'
    ? openRedisQueue({ ...address, ...options })
    : openPostgresQueue({ ...address, ...options })
}

export const SERVER_KINDS: ServerKind[] = [
  {
    name: 'Redis',
    available: findsRedis,
    isKillable: hasRedis,
    async start() {
      const redis = await (hasRedis() ? startRedis() : redisServer())
      return { ...redis, address: { kind: 'redis', url: redis.url } }
    },
  },
  { name: 'embedded Postgres', available: () => true, isKillable: () => true, start: startEmbedded },
  {
    name: 'native Postgres',
    available: hasNativeServer,
    isKillable: hasOwnServer,
    start: () => (hasOwnServer() ? startOwnPostgres() : borrowPostgres()),
  },
]

async function startOwnPostgres(): Promise<QueueServer> {
  const server = await startPostgres()
  return { ...server, address: { kind: 'postgres', url: server.url, embedded: false } }
}

/** Of somebody else, so it is not the tests' to kill. */
async function borrowPostgres(): Promise<QueueServer> {
  const server = await nativeServer()
  return { address: { kind: 'postgres', url: await server.freshUrl(), embedded: false }, stop: () => server.close() }
}

async function startEmbedded(): Promise<QueueServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'unsplash-clip-queue-'))
  await plantDatabase(dataDir, 'nothing')
  const launch = () => startTypeScript('embedded-server.ts', 'serveEmbedded', { dataDir })
  let { child, line: url } = await launch()
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return {
    address: { kind: 'postgres', url, embedded: true },
    kill,
    async restart() {
      child = (await launch()).child
    },
    async stop() {
      await kill()
      await rm(dataDir, { recursive: true })
    },
  }
}

/** Calls a function of a file beside this one in a process of its own. @returns once the process wrote its first line */
export async function startTypeScript(
  file: string,
  name: string,
  argument: unknown,
): Promise<{ child: ChildProcess; line: string }> {
  const beside = (other: string) => fileURLToPath(new URL(other, import.meta.url))
  const child = spawn(process.execPath, [beside('child.mjs'), beside(file), name, JSON.stringify(argument)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const line = new Promise<string>((resolve, reject) => {
    child.stdout.once('data', data => resolve(String(data).trim()))
    child.once('exit', code => reject(new Error(`${name} of ${file} ended with ${code}`)))
  })
  return { child, line: await line }
}
