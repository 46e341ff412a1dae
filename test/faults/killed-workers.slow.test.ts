import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { hasServers, Stage } from './support/stage.js'
import { expectNothingLost } from './support/verdict.js'

const SECOND = 1000
const PHOTOS = 320
const PHOTOS_PER_JOB = 16
const CONCURRENCY = 2

describe.skipIf(!hasServers())('workers that are', () => {
  let stage: Stage

  const start = () =>
    stage.pipeline({
      photos: PHOTOS,
      store: 's3',
      settings: {
        DOWNLOAD_CONCURRENCY: '4',
        PHOTOS_PER_JOB: String(PHOTOS_PER_JOB),
        WORKER_CONCURRENCY: String(CONCURRENCY),
      },
    })
  const timesAskedFor = () => [...stage.images.requests.values()]

  beforeAll(async () => {
    stage = await Stage.open()
    await stage.undisturbed(PHOTOS)
    stage.images.delayMs = 100
  })
  beforeEach(() => stage.images.requests.clear())
  afterAll(() => stage.close())

  test('killed (-9), one every few seconds, lose nothing', { timeout: 360 * SECOND }, async () => {
    const pipeline = await start()
    const crew = pipeline.crew(2)
    const run = await pipeline.ingest()
    const recoverySeconds: number[] = []
    await pipeline.reached(1)
    while (((await pipeline.settled()) ?? 0) < PHOTOS * 0.7) {
      await pause(2 * SECOND)
      await crew.random().kill()
      recoverySeconds.push(await pipeline.recovered())
    }
    const { code, stderr } = await run.ended
    expect(code, stderr).toBe(0)
    await pipeline.isIdle()
    expect(await crew.stop()).toEqual([0, 0])
    expect(crew.deaths).toBe(recoverySeconds.length)
    await expectNothingLost(pipeline, { fault: 'kill -9 of a worker', events: crew.deaths, recoverySeconds })
  })

  test('stopped (SIGTERM), all at once, finish what they have in hand; no photo is fetched twice', {
    timeout: 360 * SECOND,
  }, async () => {
    const pipeline = await start()
    const crew = pipeline.crew(2)
    const run = await pipeline.ingest()
    const recoverySeconds: number[] = []
    for (const share of [0.2, 0.5]) {
      await pipeline.reached(PHOTOS * share)
      expect(await crew.stop()).toEqual([0, 0])
      expect(await pipeline.settled()).toBeLessThan(PHOTOS)
      crew.start()
      recoverySeconds.push(await pipeline.recovered())
    }
    const { code, stderr } = await run.ended
    expect(code, stderr).toBe(0)
    await pipeline.isIdle()
    expect(await crew.stop()).toEqual([0, 0])
    expect(Math.max(...timesAskedFor())).toBe(1)
    await expectNothingLost(pipeline, { fault: 'SIGTERM of all workers', events: 2, recoverySeconds })
  })

  test('hanging (SIGSTOP) lose their batches to another, once, and do no harm when they wake up', {
    timeout: 360 * SECOND,
  }, async () => {
    const pipeline = await start()
    const crew = pipeline.crew(2)
    const run = await pipeline.ingest()
    await pipeline.reached(PHOTOS / 4)
    const hung = crew.random()
    hung.child.kill('SIGSTOP')
    const { code, stderr } = await run.ended
    expect(code, stderr).toBe(0)
    hung.child.kill('SIGCONT')
    // It goes on with what it had in hand when it fell asleep; the other worker is there for what comes of that.
    expect(await crew.retire(hung)).toBe(0)
    await pipeline.isIdle()
    expect(await crew.stop()).toEqual([0])
    const again = timesAskedFor().filter(times => times > 1)
    expect(Math.max(...again)).toBe(2)
    expect(again.length).toBeLessThanOrEqual(CONCURRENCY * PHOTOS_PER_JOB)
    await expectNothingLost(pipeline, { fault: 'a worker that hangs', events: 1, recoverySeconds: [] })
  })
})
