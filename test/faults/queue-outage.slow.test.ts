import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../support/until.js'
import { hasServers, Stage } from './support/stage.js'
import { expectNothingLost, expectOrderlyEnd } from './support/verdict.js'

const SECOND = 1000
const PHOTOS = 320

describe.skipIf(!hasServers())('a Redis that is', () => {
  let stage: Stage

  const start = () => stage.pipeline({ photos: PHOTOS, settings: { DOWNLOAD_CONCURRENCY: '4' } })

  async function flush(): Promise<void> {
    const client = new Redis(stage.redis.url)
    await client.flushall()
    client.disconnect()
  }

  beforeAll(async () => {
    stage = await Stage.open()
    await stage.undisturbed(PHOTOS)
    stage.images.delayMs = 100
  })
  afterAll(() => stage.close())

  test('restarted (kill -9), again and again, loses nothing', { timeout: 360 * SECOND }, async () => {
    const pipeline = await start()
    const crew = pipeline.crew(2)
    const run = await pipeline.ingest()
    const recoverySeconds: number[] = []
    for (const share of [0.1, 0.4, 0.7]) {
      await pipeline.reached(PHOTOS * share)
      await stage.redis.kill()
      await stage.redis.restart()
      recoverySeconds.push(await pipeline.recovered())
    }
    await expectOrderlyEnd(pipeline, run, crew)
    await expectNothingLost(pipeline, { fault: 'Redis restarted', events: 3, recoverySeconds })
  })

  test('gone for 30 s loses nothing', { timeout: 360 * SECOND }, async () => {
    const pipeline = await start()
    const crew = pipeline.crew(2)
    const run = await pipeline.ingest()
    await pipeline.reached(PHOTOS * 0.3)
    await stage.redis.kill()
    await pause(30 * SECOND)
    await stage.redis.restart()
    const recoverySeconds = [await pipeline.recovered()]
    await expectOrderlyEnd(pipeline, run, crew)
    await expectNothingLost(pipeline, { fault: 'Redis gone for 30 s', events: 1, recoverySeconds })
  })

  test('flushed in the middle is filled again by the producer that follows its run', {
    timeout: 360 * SECOND,
  }, async () => {
    const pipeline = await start()
    const crew = pipeline.crew(2)
    const run = await pipeline.ingest()
    await pipeline.reached(PHOTOS * 0.3)
    await flush()
    await expectOrderlyEnd(pipeline, run, crew)
    await expectNothingLost(pipeline, { fault: 'Redis flushed under a producer', events: 1, recoverySeconds: [] })
  })

  test('flushed after its producer died is filled again from Postgres alone, by ingest --only-missing', {
    timeout: 360 * SECOND,
  }, async () => {
    const pipeline = await start()
    const crew = pipeline.crew(2)
    const run = await pipeline.ingest()
    await pipeline.reached(PHOTOS * 0.3)
    await run.kill()
    await flush()
    await until('the workers have nothing in hand', async () => {
      const before = await pipeline.settled()
      await pause(3 * SECOND)
      return before === (await pipeline.settled())
    })
    expect(await pipeline.settled()).toBeLessThan(PHOTOS)
    const refill = pipeline.start(['ingest', '--only-missing', '--wait', '--json'])
    const recoverySeconds = [await pipeline.recovered()]
    await expectOrderlyEnd(pipeline, refill, crew)
    await expectNothingLost(pipeline, { fault: 'Redis flushed, --only-missing', events: 1, recoverySeconds })
  })
})
