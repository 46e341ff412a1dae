import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Batch } from '../../../src/domain/ports/queue.js'
import { openQueueBoard } from '../../../src/queue/queue-board.js'
import { openRedisQueue } from '../../../src/queue/redis-backend.js'
import { hasChromium, launchChromium } from '../../support/browser.js'
import { hasRedis, type RedisServer, redisServer } from '../../support/servers/redis.js'
import { servedKeys } from '../served-keys.js'

const served = servedKeys()

const BATCH: Batch = {
  ...{
    id: 'batch-1',
    parentId: 'batch-1',
    runId: 'run-1',
    model: 'clip-test@fp32',
    revision: 'abc',
    attempt: 1,
    store: true,
  },
  labelSets: [],
  photos: [{ id: 'a', url: 'https://me:hunter2@images.example/a.jpg?signature=s3cret' }],
}

describe('bull-board without Redis', () => {
  test('says for admins why there is none, and asks others for a key', async () => {
    const api = await served.serve('admin')
    for (const path of ['/queues', '/queues/queue/unsplash-clip']) {
      const answer = await api.get(`${api.server.url}${path}`)
      expect([answer.status, await answer.json()]).toEqual([
        404,
        expect.objectContaining({
          code: 'ROUTE_NOT_FOUND',
          detail: 'The queue is in Postgres, and bull-board shows queues on Redis only.',
          action: expect.stringContaining('REDIS_URL'),
        }),
      ])
    }
    const reading = await served.serve('read')
    expect((await reading.get(`${reading.server.url}/queues`)).status).toBe(401)
  })
})

describe.skipIf(!hasRedis())('bull-board over a queue on Redis', () => {
  let redis: RedisServer
  let queue: Awaited<ReturnType<typeof openRedisQueue>>
  let browser: Browser | undefined

  beforeAll(async () => {
    redis = await redisServer()
    queue = await openRedisQueue({ url: redis.url, name: 'board-test' })
    await queue.add([BATCH, { ...BATCH, id: 'batch-2', parentId: 'batch-2', priority: 'high' }])
  })
  afterAll(async () => {
    await browser?.close()
    await queue?.close()
    await redis?.stop()
  })

  const serve = (anonymous: 'admin' | 'ingest') =>
    served.serve(anonymous, { parts: { board: async () => openQueueBoard(queue) } })

  test('lists batches without the secrets of URLs, each with a link to its run, and changes nothing', async () => {
    const api = await serve('admin')
    const queues = `${api.server.url}/queues/api/queues`
    const list = `${queues}?activeQueue=board-test&status=prioritized&page=1`
    const text = await (await api.get(list)).text()
    const [shown] = (JSON.parse(text) as { queues: { readOnlyMode: boolean; jobs: object[]; counts: object }[] }).queues
    expect(shown).toMatchObject({
      readOnlyMode: true,
      counts: { prioritized: 2 },
      jobs: [
        { externalUrl: { href: '/runs/run-1', displayText: 'Run run-1 and its failures' } },
        { externalUrl: { href: '/runs/run-1' } },
      ],
    })
    expect(text).not.toMatch(/hunter2|s3cret/)
    for (const path of ['pause', 'empty', 'clean/failed', 'bbatch-1/clean', 'promote'])
      expect((await api.get(`${queues}/board-test/${path}`, { method: 'PUT' })).status, path).toBeGreaterThanOrEqual(
        400,
      )
    expect(await queue.counts()).toMatchObject({ waiting: 2 })
  })

  test('is for admins alone', async () => {
    const api = await serve('ingest')
    for (const path of ['/queues', '/queues/api/queues', '/queues/static/favicon-32x32.png'])
      expect((await api.get(`${api.server.url}${path}`)).status, path).toBe(401)
    const { key } = await served.createKey('admin')
    const answer = await api.get(`${api.server.url}/queues/api/queues`, { headers: { 'x-api-key': key } })
    expect(answer.status).toBe(200)
  })

  test('its looser policy is that of its own pages', async () => {
    const api = await serve('admin')
    const policy = async (path: string) =>
      (await api.get(`${api.server.url}${path}`)).headers.get('content-security-policy')
    expect(await policy('/queues')).toMatch(/script-src 'self';.*base-uri 'self'/)
    for (const path of ['/', '/api/v1/queue', '/nowhere'])
      expect(await policy(path)).not.toMatch(/unsafe|base-uri 'self'/)
  })

  test.skipIf(!hasChromium())('shows in Chromium what waits, and leads to the run', async () => {
    const api = await serve('admin')
    browser = await launchChromium()
    const page = await browser.newPage()
    const problems: string[] = []
    page.on('pageerror', error => problems.push(error.message))
    await page.goto(`${api.server.url}/queues/queue/board-test?status=prioritized`)
    const link = page.locator('a[href="/runs/run-1"]').first()
    await link.waitFor()
    expect(problems).toEqual([])
    // It asks for nothing from elsewhere, and gets nothing.
    expect(await page.evaluate('[...document.fonts].filter(font => font.status === "loaded").length')).toBe(0)
  })
})
