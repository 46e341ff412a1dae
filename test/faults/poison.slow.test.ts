import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { POISON, photoId } from './support/image-server.js'
import { hasServers, Stage } from './support/stage.js'
import { expectNothingLost } from './support/verdict.js'

const SECOND = 1000
const PHOTOS = 160
const POISONOUS = 2

describe.skipIf(!hasServers())('photos that crash the process', () => {
  let stage: Stage

  beforeAll(async () => {
    stage = await Stage.open()
    await stage.undisturbed(PHOTOS)
  })
  afterAll(() => stage.close())

  test('are found and recorded as CRASHED_WORKER; those that shared their batches are embedded', {
    timeout: 480 * SECOND,
  }, async () => {
    const pipeline = await stage.pipeline({
      photos: PHOTOS,
      poisonous: POISONOUS,
      settings: { PHOTOS_PER_JOB: '4', QUEUE_LOCK_MS: '1500' },
    })
    const preload = fileURLToPath(new URL('support/poison.mjs', import.meta.url))
    const crew = pipeline.crew(2, { settings: { NODE_OPTIONS: `--import=${preload}` } })
    const { code, stderr } = await (await pipeline.ingest()).ended
    expect(code, stderr).toBe(3)
    await pipeline.isIdle()
    expect(await crew.stop()).toEqual([0, 0])
    expect(crew.deaths).toBeGreaterThan(POISONOUS)

    const harmless = await stage.undisturbed(PHOTOS)
    const [model] = [...harmless.embeddings.keys()][0]!.split(' ')
    const poison = Array.from({ length: POISONOUS }, (_, i) => photoId(POISON + i))
    // Its copy was kept before a photo crashed anything, and belongs to it: one can see what it looks like.
    const copies = [...(await pipeline.endState()).objects].filter(([key]) => poison.some(id => key.includes(id)))
    const expected = {
      ...harmless,
      photos: [...harmless.photos, ...poison],
      objects: new Map([...harmless.objects, ...copies]),
      failures: new Map(poison.map(id => [`${model} ${id}`, 'CRASHED_WORKER'])),
    }
    const fault = `${POISONOUS} photos that crash the process`
    await expectNothingLost(pipeline, { fault, events: crew.deaths, recoverySeconds: [], expected })
  })
})
