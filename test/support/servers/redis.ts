import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Redis } from 'ioredis'
import { until } from '../until.js'
import { type Certificates, readCertificates } from './certificates.js'
import { freePort } from './free-port.js'
import { requires } from './requirements.js'

const PROGRAM = ['valkey-server', 'redis-server'].find(name =>
  (process.env.PATH ?? '').split(delimiter).some(folder => existsSync(join(folder, name))),
)

/** Whether a test can have a server of its own, to kill and restart: {@link startRedis}. */
export const hasRedis = (): boolean =>
  requires(
    'A Redis of the test’s own',
    PROGRAM !== undefined,
    'Install redis-server or valkey-server (infra/dev/install-debian.sh).',
  )

/** Whether there is any: {@link redisServer}. */
export const findsRedis = (): boolean =>
  requires(
    'Redis',
    process.env.TEST_REDIS_URL !== undefined || PROGRAM !== undefined,
    'Install redis-server or valkey-server (infra/dev/install-debian.sh), or set TEST_REDIS_URL to a server whose databases 1 to 15 may be emptied.',
  )

export interface RedisServer {
  url: string
  stop(): Promise<void>
}

export interface TestRedis extends RedisServer {
  /** kill -9 */
  kill(): Promise<void>
  /** At the same address; what was acknowledged before a kill is there again. */
  restart(): Promise<void>
}

/** An empty database of TEST_REDIS_URL, or a server of the test's own. */
export function redisServer(): Promise<RedisServer> {
  const given = process.env.TEST_REDIS_URL
  return given === undefined ? startRedis() : borrowDatabase(given)
}

const DATABASES = Array.from({ length: 15 }, (_, index) => index + 1)
/** A test that was killed gives its database back after this long. */
const LOAN_SECONDS = 15 * 60

/** Test files run side by side, so each takes a database of its own; database 0 says which are taken. */
async function borrowDatabase(given: string): Promise<RedisServer> {
  const client = new Redis(given)
  const takenKey = (database: number) => `unsplash-clip-test:taken:${database}`
  const database = await until('a free database of TEST_REDIS_URL', async () => {
    for (const candidate of DATABASES)
      if (await client.set(takenKey(candidate), process.pid, 'EX', LOAN_SECONDS, 'NX')) return candidate
    return null
  })
  const url = new URL(given)
  url.pathname = `/${database}`
  const empty = async () => {
    await client.select(database)
    await client.flushdb()
    await client.select(0)
  }
  await empty()
  return {
    url: url.href,
    async stop() {
      await empty()
      await client.del(takenKey(database))
      client.disconnect()
    },
  }
}

export interface RedisOwnOptions {
  password?: string
  /** Speaks TLS alone, and asks clients for a certificate. */
  tls?: Certificates
  port?: number
  /** For redis-server. */
  parameters?: string[]
}

/** A server of its own on a free port, in a temporary folder; it writes every command to its log before it answers. */
export async function startRedis(options: RedisOwnOptions = {}): Promise<TestRedis> {
  const { password, tls, port = await freePort(), parameters = [] } = options
  const folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-redis-'))
  const url = `${tls ? 'rediss' : 'redis'}://${password ? `:${encodeURIComponent(password)}@` : ''}127.0.0.1:${port}`
  const given = ['--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes', '--appendfsync', 'no']
  given.push(...(tls ? tlsParameters(port, tls) : ['--port', String(port)]), ...parameters)
  if (password) given.push('--requirepass', password, '--masterauth', password)

  let server = await launch(given, url, tls)
  const kill = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return
    server.kill('SIGKILL')
    await once(server, 'exit')
  }
  return {
    url,
    kill,
    async restart() {
      server = await launch(given, url, tls)
    },
    async stop() {
      await kill()
      await rm(folder, { recursive: true })
    },
  }
}

function tlsParameters(port: number, { ca, cert, key }: Certificates): string[] {
  const files = ['--tls-ca-cert-file', ca, '--tls-cert-file', cert, '--tls-key-file', key]
  return ['--port', '0', '--tls-port', String(port), '--tls-replication', 'yes', '--tls-cluster', 'yes', ...files]
}

/**
 * @param parameters of redis-server; may begin with a file of settings
 * @param before the command that starts it, such as `nsenter …`
 */
export async function launch(
  parameters: string[],
  url: string,
  tls?: Certificates,
  before: string[] = [],
): Promise<ChildProcess> {
  const [program, ...line] = [...before, PROGRAM as string, ...parameters]
  const server = spawn(program!, line, { stdio: 'ignore' })
  await until(`${PROGRAM} answers`, () => answers(url, tls))
  return server
}

async function answers(url: string, tls?: Certificates): Promise<boolean> {
  const client = redisClient(url, tls)
  try {
    await client.connect()
    return (await client.ping()) === 'PONG'
  } catch {
    return false
  } finally {
    client.disconnect()
  }
}

/** For a question or two: not connected yet, and gives up at once. */
export function redisClient(url: string, tls?: Certificates): Redis {
  const once = { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 }
  const client = new Redis(url, tls ? { ...once, tls: readCertificates(tls) } : once)
  client.on('error', () => {})
  return client
}
