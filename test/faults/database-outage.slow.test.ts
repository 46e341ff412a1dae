import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasServers, Stage } from './support/stage.js'
import { expectNothingLost } from './support/verdict.js'

const SECOND = 1000
const PHOTOS = 240
const QUEUES = ['redis', 'postgres'] as const

/** Two pipelines are disturbed at once: one with its queue on Redis, one with its queue on the Postgres that goes away. */
describe.skipIf(!hasServers())('a Postgres that is', () => {
  let stage: Stage

  const start = async () => {
    const pipelines = await Promise.all(
      QUEUES.map(queue => stage.pipeline({ photos: PHOTOS, queue, settings: { DOWNLOAD_CONCURRENCY: '2' } })),
    )
    const crews = pipelines.map(pipeline => pipeline.crew(1))
    const runs = await Promise.all(pipelines.map(pipeline => pipeline.ingest()))
    const reached = (share: number) => Promise.all(pipelines.map(pipeline => pipeline.reached(PHOTOS * share)))
    const recovered = () => Promise.all(pipelines.map(pipeline => pipeline.recovered()))
    const toTheEnd = async (fault: string, recoverySeconds: number[][]) => {
      for (const [i, pipeline] of pipelines.entries()) {
        const { code, stderr } = await runs[i]!.ended
        expect(code, `queue on ${QUEUES[i]}: ${stderr}`).toBe(0)
        await pipeline.isIdle()
        expect(await crews[i]!.stop()).toEqual([0])
        expect(crews[i]!.deaths).toBe(0)
        await expectNothingLost(pipeline, {
          fault: `Postgres ${fault}, queue on ${QUEUES[i]}`,
          events: recoverySeconds.length,
          recoverySeconds: recoverySeconds.map(seconds => seconds[i]!),
        })
      }
    }
    return { reached, recovered, toTheEnd }
  }

  beforeAll(async () => {
    stage = await Stage.open()
    await stage.undisturbed(PHOTOS)
    stage.images.delayMs = 100
  })
  afterAll(() => stage.close())

  test('restarted (immediate), again and again, loses nothing', { timeout: 480 * SECOND }, async () => {
    const { reached, recovered, toTheEnd } = await start()
    const recoverySeconds: number[][] = []
    for (const share of [0.1, 0.4, 0.7]) {
      await reached(share)
      await stage.postgres.kill()
      await stage.postgres.restart()
      recoverySeconds.push(await recovered())
    }
    await toTheEnd('restarted', recoverySeconds)
  })

  test('gone for 30 s loses nothing', { timeout: 480 * SECOND }, async () => {
    const { reached, recovered, toTheEnd } = await start()
    await reached(0.3)
    await stage.postgres.kill()
    await pause(30 * SECOND)
    await stage.postgres.restart()
    await toTheEnd('gone for 30 s', [await recovered()])
  })
})
