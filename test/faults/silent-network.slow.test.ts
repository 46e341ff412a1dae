import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasServers, Stage } from './support/stage.js'
import { startTcpProxy, type TcpProxy } from './support/tcp-proxy.js'
import { expectNothingLost } from './support/verdict.js'

const SECOND = 1000
const PHOTOS = 320
/** Longer than a lock lasts, so that those who are cut off are taken for dead. */
const SILENCE_MS = 8 * SECOND
const ENDS = [
  { what: 'goes on as if nothing had been', end: 'thaw', silenceMs: SILENCE_MS },
  { what: 'forgets every connection, without a word', end: 'forget', silenceMs: SECOND },
] as const

describe.skipIf(!hasServers())('a network that falls silent', () => {
  let stage: Stage
  let redis: TcpProxy
  let postgres: TcpProxy

  beforeAll(async () => {
    stage = await Stage.open()
    await stage.undisturbed(PHOTOS)
    stage.images.delayMs = 100
    const [redisUrl, postgresUrl] = [new URL(stage.redis.url), new URL(stage.postgres.url)]
    redis = await startTcpProxy({ host: redisUrl.hostname, port: Number(redisUrl.port) })
    postgres = await startTcpProxy({ host: postgresUrl.hostname, port: Number(postgresUrl.port) })
  })
  afterAll(async () => {
    await stage.close()
    await redis.close()
    await postgres.close()
  })

  test.each(ENDS)('and then $what costs no photo', { timeout: 360 * SECOND }, async ({ what, end, silenceMs }) => {
    const pipeline = await stage.pipeline({ photos: PHOTOS, settings: { DOWNLOAD_CONCURRENCY: '4' } })
    const database = new URL(pipeline.databaseUrl)
    database.port = String(postgres.port)
    const settings = {
      REDIS_URL: `redis://127.0.0.1:${redis.port}`,
      DATABASE_URL: database.href,
      // Ten seconds more, and a connection without an answer is given up.
      DATABASE_STATEMENT_TIMEOUT_MS: '4000',
    }
    const crew = pipeline.crew(2, { settings })
    const run = await pipeline.ingest()
    const recoverySeconds: number[] = []
    for (const [i, proxy] of [redis, postgres].entries()) {
      await pipeline.reached(PHOTOS * (0.2 + 0.3 * i))
      proxy.freeze()
      await pause(silenceMs)
      proxy[end]()
      recoverySeconds.push(await pipeline.recovered())
    }
    const { code, stderr } = await run.ended
    expect(code, stderr).toBe(0)
    await pipeline.isIdle()
    expect(await crew.stop()).toEqual([0, 0])
    await expectNothingLost(pipeline, { fault: `network silent, ${what}`, events: 2, recoverySeconds })
  })
})
