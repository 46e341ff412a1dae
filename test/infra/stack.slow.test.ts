import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import { type Database, openDatabase } from '../../src/db/connection.js'
import { type Running, Sandbox } from '../support/cli.js'
import { gradient } from '../support/images/sample-images.js'
import { freePort } from '../support/servers/free-port.js'
import { type TestServer as HttpServer, startHttp } from '../support/servers/http-server.js'
import { hasNativeServer, nativeServer, type TestServer } from '../support/servers/postgres.js'
import { findsRedis, type RedisServer, redisServer } from '../support/servers/redis.js'
import { type S3Server, s3Server } from '../support/servers/s3.js'
import { until } from '../support/until.js'

/** The services of infra/compose.yaml, whose commands are run here without containers. */
const { services } = parse(readFileSync('infra/compose.yaml', 'utf8'), { merge: true })
const commandOf = (service: string): string[] => services[service].command

const found = [hasNativeServer(), findsRedis()].every(Boolean)

const MINUTE = 60_000

describe.skipIf(!found)(
  'the commands of infra/compose.yaml on native Postgres, Redis and S3',
  { timeout: 8 * MINUTE },
  () => {
    let postgres: TestServer
    let redis: RedisServer
    let s3: S3Server
    let images: HttpServer
    /** Of every answer of the image server. */
    let delayMs = 0
    let sandbox: Sandbox
    let database: Database
    let metricsPort: number
    const started: Running[] = []

    beforeAll(async () => {
      ;[postgres, redis, s3] = await Promise.all([nativeServer(), redisServer(), s3Server()])
      // For the test's own look at the bucket.
      for (const [name, value] of Object.entries(s3.env)) vi.stubEnv(name, value)
      const photo = await gradient(320, 240).jpeg().toBuffer()
      const answer: RequestListener = async (request, response) => {
        await pause(delayMs)
        if (request.url === '/missing.jpg') response.writeHead(404).end()
        else response.writeHead(200, { 'content-type': 'image/jpeg' }).end(photo)
      }
      images = await startHttp(answer)
      metricsPort = await freePort()
      const databaseUrl = await postgres.freshUrl()
      sandbox = await Sandbox.create({
        ...services.worker.environment,
        DATABASE_URL: databaseUrl,
        REDIS_URL: redis.url,
        OBJECT_STORE: `s3://${s3.bucket}/copies`,
        S3_ENDPOINT: s3.endpoint,
        ...s3.env,
        MODEL: 'demo',
        MODEL_SOURCE: '',
        LABEL_SETS: '',
        LOG_LEVEL: '',
        OTEL_EXPORTER_OTLP_ENDPOINT: '',
        ALLOW_HOSTS: images.host,
        METRICS_PORT: String(metricsPort),
      })
      database = await openDatabase({ url: databaseUrl })
    })
    afterEach(async () => {
      for (const { child, finished } of started.splice(0)) {
        child.kill('SIGKILL')
        await finished
      }
    })
    afterAll(async () => {
      vi.unstubAllEnvs()
      await database?.close()
      await sandbox?.close()
      await images?.close()
      await Promise.all([postgres?.close(), redis?.stop(), s3?.close()])
    })

    function startWorker(...more: string[]): Running {
      const worker = sandbox.start(...commandOf('worker'), ...more)
      started.push(worker)
      return worker
    }

    /** The producer's command, which reads the folder /dataset of its container, on photos that are new. */
    async function ingest(name: string, paths: string[]) {
      const list = join(sandbox.home, `${name}.txt`)
      await writeFile(list, paths.map(path => `${images.origin}/${path}\n`).join(''))
      return sandbox.start(...commandOf('producer').map(word => (word === '/dataset' ? list : word)))
    }

    const photos = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}-${i}.jpg`)

    async function metrics(): Promise<string> {
      const answer = await fetch(`http://127.0.0.1:${metricsPort}/metrics`)
      return answer.text()
    }
    const metric = async (name: string): Promise<number> =>
      Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await metrics())?.[1] ?? Number.NaN)

    const isWell = async () => (await sandbox.run('health')).code === 0
    const rowsOf = async (sql: string) => Number((await database.query<{ n: number }>(sql))[0]!.n)
    const embedded = () => rowsOf('select count(*)::int as n from embeddings')

    test('migrate, a worker that becomes well, an ingest followed to its end, copies in the bucket', async () => {
      for (let time = 1; time <= 2; time++)
        expect(await sandbox.run(...commandOf('migrate'))).toMatchObject({ code: 0 })

      expect(await isWell()).toBe(false)
      const worker = startWorker()
      await until('the worker to be well', isWell)

      const producer = await ingest('first', [...photos('first', 99), 'missing.jpg'])
      // Some photos failed: the missing one.
      expect(await producer.finished).toMatchObject({ code: 3, stdout: expect.stringContaining('HTTP_404') })
      expect(await embedded()).toBe(99)
      const store = s3.store('copies')
      let copies = 0
      for await (const _ of store.list()) copies++
      await store.close()
      expect(copies).toBe(99)
      expect(await metric('unsplash_clip_photos_embedded_total')).toBe(99)

      worker.child.kill('SIGTERM')
      expect(await worker.finished).toMatchObject({ code: 0 })
      expect(await isWell()).toBe(false)
    })

    test('SIGTERM in the middle of the work: it ends in order, and the next worker finishes the rest once', async () => {
      const before = await embedded()
      const worker = startWorker()
      await until('the worker to be well', isWell)
      delayMs = 100
      const producer = await ingest('second', photos('second', 500))
      started.push(producer)
      await until('photos in its hands', async () => (await metric('unsplash_clip_photos_in_hand')) > 0)
      worker.child.kill('SIGTERM')
      const { code } = await worker.finished
      expect(code).toBe(0)
      const inBetween = await embedded()
      expect(inBetween).toBeLessThan(before + 500)

      delayMs = 0
      startWorker()
      expect(await producer.finished).toMatchObject({ code: 0 })
      expect(await embedded()).toBe(before + 500)
      expect(await rowsOf('select count(*)::int as n from open_batches')).toBe(0)
    })

    test('the API asks for a key before it starts, and for the key with every request', async () => {
      const command = commandOf('api').map(word => (word === '8080' ? '0' : word))
      expect(await sandbox.run(...command)).toMatchObject({ code: 2, stderr: expect.stringContaining('keys create') })
      const key = (await sandbox.run('keys', 'create', 'me', '--scope', 'admin')).stdout.trim()
      const api = sandbox.start(...command, '--json')
      started.push(api)
      const url = await until('its address', () => api.stdout().includes('\n') && JSON.parse(api.stdout()).url)
      const runs = `${url.replace('0.0.0.0', '127.0.0.1')}/api/v1/runs`
      expect((await fetch(runs)).status).toBe(401)
      expect((await fetch(runs, { headers: { 'x-api-key': key } })).status).toBe(200)
      api.child.kill('SIGTERM')
      expect(await api.finished).toMatchObject({ code: 0 })
    })
  },
)
