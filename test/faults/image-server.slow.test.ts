import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Mood } from './support/moody-server.js'
import { hasServers, Stage } from './support/stage.js'
import { expectNothingLost } from './support/verdict.js'

const SECOND = 1000
const PHOTOS = 320
const MOODS: Mood[] = ['refuse', 'error', 'reset', 'hang', 'slow-down']

describe.skipIf(!hasServers())('an image server that flaps', () => {
  let stage: Stage

  beforeAll(async () => {
    stage = await Stage.open()
    await stage.undisturbed(PHOTOS)
    stage.images.delayMs = 100
  })
  afterAll(() => stage.close())

  test('costs time and no photo', { timeout: 360 * SECOND }, async () => {
    // As with the defaults, the tries of a photo span longer than an outage.
    const settings = { DOWNLOAD_CONCURRENCY: '4', MAX_ATTEMPTS: '8', DOWNLOAD_TIMEOUT_MS: '1500' }
    const pipeline = await stage.pipeline({ photos: PHOTOS, settings })
    const crew = pipeline.crew(2)
    const run = await pipeline.ingest()
    const recoverySeconds: number[] = []
    for (const [i, mood] of MOODS.entries()) {
      await pipeline.reached((PHOTOS * (i + 0.5)) / (MOODS.length + 1))
      await stage.images.server.become(mood)
      await pause(2 * SECOND)
      await stage.images.server.become('well')
      recoverySeconds.push(await pipeline.recovered())
    }
    const { code, stderr } = await run.ended
    expect(code, stderr).toBe(0)
    expect(stage.images.server.disturbed).toBeGreaterThan(10)
    await pipeline.isIdle()
    expect(await crew.stop()).toEqual([0, 0])
    expect(crew.deaths).toBe(0)
    const fault = `image server flapping (${MOODS})`
    await expectNothingLost(pipeline, { fault, events: MOODS.length, recoverySeconds })
  })
})
