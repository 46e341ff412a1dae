import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startHttp } from '../support/servers/http-server.js'
import { photoId } from './support/image-server.js'
import type { Pipeline } from './support/pipeline.js'
import { hasServers, Stage } from './support/stage.js'

const SECOND = 1000
const HEALTHY = 320
const BAD = 32
/** Ids of the photos of the bad host. */
const BAD_FROM = 500_000

interface BadHost {
  host: string
  close(): Promise<void>
}

const BAD_HOSTS: Record<string, () => Promise<BadHost>> = {
  'asks for a pause of a billion seconds': () =>
    httpHost((_request, response) => response.writeHead(503, { 'retry-after': '999999999' }).end()),
  'asks for pauses of a second, with 429': () =>
    httpHost((_request, response) => response.writeHead(429, { 'retry-after': '1' }).end()),
  'takes requests and never answers': () => httpHost(() => {}),
  'sends headers and then nothing': () =>
    httpHost((_request, response) => void response.writeHead(200, { 'content-type': 'image/jpeg' }).write('x')),
  'accepts connections and reads nothing': muteTcpHost,
}

async function httpHost(listener: Parameters<typeof startHttp>[0]): Promise<BadHost> {
  const { host, close } = await startHttp(listener)
  return { host, close }
}

async function muteTcpHost(): Promise<BadHost> {
  const sockets = new Set<Socket>()
  const server: Server = createTcpServer(socket => sockets.add(socket.on('error', () => {}).pause()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

describe.skipIf(!hasServers())('an image host that', () => {
  let stage: Stage
  const hosts: BadHost[] = []
  beforeAll(async () => {
    stage = await Stage.open()
  })
  afterEach(async () => {
    for (const host of hosts.splice(0)) await host.close()
  })
  afterAll(() => stage.close())

  /** The photos of the bad host come first, and take up whole batches. */
  async function ingested(
    bad: BadHost,
    settings: Record<string, string>,
    queue: 'redis' | 'postgres',
  ): Promise<Pipeline> {
    hosts.push(bad)
    const pipeline = await stage.pipeline({
      photos: HEALTHY,
      queue,
      settings: { ALLOW_HOSTS: `${bad.host},${stage.images.server.host}`, ...settings },
    })
    const rows = [
      ...Array.from({ length: BAD }, (_, i) => `${photoId(BAD_FROM + i)},http://${bad.host}/${i}.jpg`),
      ...Array.from({ length: HEALTHY }, (_, i) => `${photoId(i)},${stage.images.url(i)}`),
    ]
    const table = join(stage.folder, `${pipeline.name}.csv`)
    await writeFile(table, ['photo_id,photo_image_url', ...rows, ''].join('\n'))
    const { code, stderr } = await pipeline.start(['ingest', table]).ended
    expect(code, stderr).toBe(0)
    return pipeline
  }

  const cases = Object.keys(BAD_HOSTS).flatMap(kind => [
    { kind, queue: 'redis' as const },
    ...(kind.includes('billion') ? [{ kind, queue: 'postgres' as const }] : []),
  ])
  test.each(cases)(
    '$kind costs only itself, and delays no end of a worker (queue on $queue)',
    { timeout: 360 * SECOND },
    async ({ kind, queue }) => {
      const pipeline = await ingested(await BAD_HOSTS[kind]!(), { PHOTOS_PER_JOB: '32' }, queue)
      const worker = pipeline.start(['worker', '--json'])
      await pipeline.reached(HEALTHY)
      expect(await embedded(pipeline)).toBe(HEALTHY)
      const askedAt = performance.now()
      const { code, stderr } = await worker.stop()
      expect(performance.now() - askedAt).toBeLessThan(10 * SECOND)
      expect(code, stderr).toBe(0)
      const opened = await pipeline.openQueue()
      const { waiting, active, delayed, failed } = await opened.counts()
      await opened.close()
      expect({ active, failed }).toEqual({ active: 0, failed: 0 })
      expect(waiting + delayed).toBeGreaterThan(0)
    },
  )

  test('pauses has its photos embedded once it serves them, and batches that mix hosts are split', {
    timeout: 360 * SECOND,
  }, async () => {
    let refusals = 0
    const bad = await httpHost((request, response) => {
      if (refusals++ < 40) return void response.writeHead(503, { 'retry-after': '2' }).end()
      response.writeHead(302, { location: stage.images.url(Number(/\d+/.exec(request.url!)![0])) }).end()
    })
    hosts.push(bad)
    const settings = { ALLOW_HOSTS: `${bad.host},${stage.images.server.host}`, PHOTOS_PER_JOB: '32', MAX_ATTEMPTS: '8' }
    const pipeline = await stage.pipeline({ photos: 2 * BAD, settings })
    const rows = Array.from({ length: 2 * BAD }, (_, i) =>
      i % 2 === 0 ? `${photoId(i)},http://${bad.host}/${i}.jpg` : `${photoId(i)},${stage.images.url(i)}`,
    )
    const table = join(stage.folder, `${pipeline.name}.csv`)
    await writeFile(table, ['photo_id,photo_image_url', ...rows, ''].join('\n'))
    const crew = pipeline.crew(2)
    const { code, stderr } = await pipeline.start(['ingest', table, '--wait']).ended
    expect(code, stderr).toBe(0)
    expect(await embedded(pipeline)).toBe(2 * BAD)
    expect(await crew.stop()).toEqual([0, 0])
  })
})

async function embedded({ databaseUrl }: Pipeline): Promise<number> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  const { rows } = await client.query<{ count: number }>('select count(*)::int as count from embeddings')
  await client.end()
  return rows[0]!.count
}
