import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from './free-port.js'
import { requires } from './requirements.js'
import { until } from './until.js'

const PROGRAM = ['valkey-server', 'redis-server'].find(name =>
  (process.env.PATH ?? '').split(delimiter).some(folder => existsSync(join(folder, name))),
)

export const hasRedis = (): boolean =>
  requires('Redis', PROGRAM !== undefined, 'Install redis-server or valkey-server to test the queue on it.')

export interface TestRedis {
  url: string
  /** kill -9 */
  kill(): Promise<void>
  /** At the same address; what was acknowledged before a kill is there again. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** A server of its own on a free port, in a temporary folder; it writes every command to its log before it answers. */
export async function startRedis(options: { password?: string } = {}): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-redis-'))
  const port = await freePort()
  const url = `redis://${options.password ? `:${options.password}@` : ''}127.0.0.1:${port}`
  const parameters = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', '']
  parameters.push('--appendonly', 'yes', '--appendfsync', 'no')
  if (options.password) parameters.push('--requirepass', options.password)

  let server = await launch(parameters, url)
  const kill = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return
    server.kill('SIGKILL')
    await once(server, 'exit')
  }
  return {
    url,
    kill,
    async restart() {
      server = await launch(parameters, url)
    },
    async stop() {
      await kill()
      await rm(folder, { recursive: true })
    },
  }
}

async function launch(parameters: string[], url: string): Promise<ChildProcess> {
  const server = spawn(PROGRAM as string, parameters, { stdio: 'ignore' })
  await until(`${PROGRAM} answers`, () => answers(url))
  return server
}

async function answers(url: string): Promise<boolean> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 })
  client.on('error', () => {})
  try {
    await client.connect()
    return (await client.ping()) === 'PONG'
  } catch {
    return false
  } finally {
    client.disconnect()
  }
}
