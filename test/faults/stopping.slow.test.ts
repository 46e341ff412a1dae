import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startHttp, type TestServer } from '../support/servers/http-server.js'
import { until } from '../support/until.js'
import type { Command } from './support/command.js'
import type { Pipeline } from './support/pipeline.js'
import { hasServers, Stage } from './support/stage.js'
import { startTcpProxy, type TcpProxy } from './support/tcp-proxy.js'

const SECOND = 1000
const PHOTOS = 64
const COMMANDS = ['worker', 'worker --processes 2', 'ingest --processes 1'] as const

interface Place {
  /** Has part of the surroundings hang, while a command works or before it. */
  hang(): Promise<void> | void
  thaw(): Promise<void> | void
  /** The command hangs before it has begun to work. */
  atTheStart?: boolean
}

/** The places of "Where work waits" in docs/design.md where something outside of the process can hang. */
describe.skipIf(!hasServers())('a command that is told to stop ends within ten seconds', () => {
  let stage: Stage
  let redis: TcpProxy
  let postgres: TcpProxy
  let hub: TestServer
  beforeAll(async () => {
    stage = await Stage.open()
    stage.images.delayMs = 300
    const [redisUrl, postgresUrl] = [new URL(stage.redis.url), new URL(stage.postgres.url)]
    redis = await startTcpProxy({ host: redisUrl.hostname, port: Number(redisUrl.port) })
    postgres = await startTcpProxy({ host: postgresUrl.hostname, port: Number(postgresUrl.port) })
    hub = await startHttp(() => {})
  })
  afterAll(async () => {
    await stage.close()
    await Promise.all([redis.close(), postgres.close(), hub.close()])
  })

  const places: Record<string, Place> = {
    'the object store hangs': {
      hang: () => stage.store.front.become('hang'),
      thaw: () => stage.store.front.become('well'),
    },
    'the image host hangs': {
      hang: () => stage.images.server.become('hang'),
      thaw: () => stage.images.server.become('well'),
    },
    'Redis is silent: the queue and the rate limiter': { hang: () => redis.freeze(), thaw: () => redis.thaw() },
    'Postgres is silent': { hang: () => postgres.freeze(), thaw: () => postgres.thaw() },
    'the download of the model hangs': { hang: () => {}, thaw: () => {}, atTheStart: true },
  }
  const cases = Object.keys(places).flatMap(place => COMMANDS.map(line => ({ place, line })))

  test.each(cases)('while $place: $line', { timeout: 240 * SECOND }, async ({ place, line }) => {
    const { hang, thaw, atTheStart = false } = places[place]!
    const pipeline = await stage.pipeline({
      photos: PHOTOS,
      store: 's3',
      settings: { PHOTOS_PER_JOB: '8', DOWNLOAD_CONCURRENCY: '4', DOWNLOAD_TIMEOUT_MS: '30000' },
    })
    const table = await stage.photoTable(pipeline.options)
    const [name, ...args] = line.split(' ')
    if (name === 'worker') expect((await pipeline.start(['ingest', table]).ended).code).toBe(0)
    const database = new URL(pipeline.databaseUrl)
    database.port = String(postgres.port)
    const settings = {
      REDIS_URL: `redis://127.0.0.1:${redis.port}`,
      DATABASE_URL: database.href,
      ...(atTheStart ? { MODEL: 'clip-vit-b-32@int8', MODEL_SOURCE: hub.origin } : {}),
    }
    const command = pipeline.start([name!, ...(name === 'ingest' ? [table] : []), ...args], { settings })
    if (atTheStart) await until('the download has begun', () => hub.connections() > 0, 60 * SECOND)
    else await pipeline.reached(8)
    await hang()
    try {
      await stopped(command)
    } finally {
      await thaw()
    }
    await until('no process is left', () => processesOf(pipeline).length === 0)
  })

  test('while a worker process is frozen: worker --processes 2', { timeout: 240 * SECOND }, async () => {
    const pipeline = await stage.pipeline({ photos: PHOTOS, settings: { PHOTOS_PER_JOB: '8' } })
    expect((await pipeline.start(['ingest', await stage.photoTable(pipeline.options)]).ended).code).toBe(0)
    const command = pipeline.start(['worker', '--processes', '2'])
    await pipeline.reached(8)
    const child = processesOf(pipeline).find(pid => pid !== command.child.pid)!
    process.kill(child, 'SIGSTOP')
    await stopped(command)
    await until('no process is left', () => processesOf(pipeline).length === 0)
  })

  /** Ends by itself, or by the default action of SIGTERM where a thread hangs. */
  async function stopped(command: Command): Promise<void> {
    const askedAt = performance.now()
    const { code, signal, stderr } = await command.stop()
    expect((performance.now() - askedAt) / SECOND, stderr).toBeLessThan(10)
    expect(signal === 'SIGTERM' || [0, 130].includes(code ?? -1), `${code} ${signal} ${stderr}`).toBe(true)
  }
})

function processesOf({ folder }: Pipeline): number[] {
  return readdirSync('/proc')
    .filter(entry => /^\d+$/.test(entry))
    .filter(pid => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`UNSPLASH_CLIP_HOME=${folder}`)
      } catch {
        return false
      }
    })
    .map(Number)
}
