import { execFileSync } from 'node:child_process'
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { requires } from '../support/servers/requirements.js'
import { until } from '../support/until.js'
import type { Mood } from './support/moody-server.js'
import { hasServers, Stage } from './support/stage.js'
import { expectNothingLost, expectOrderlyEnd } from './support/verdict.js'

const SECOND = 1000
const PHOTOS = 240
const MOODS: Mood[] = ['error', 'slow-down', 'reset', 'refuse', 'hang']
/** Longer than all tries of a photo take here, were they counted. */
const OUTAGE_MS = 5 * SECOND

const canMount = requires('The right to mount', process.getuid?.() === 0, 'Run as root to test a full disk.')

describe.skipIf(!hasServers())('an object store that', () => {
  let stage: Stage

  beforeAll(async () => {
    stage = await Stage.open()
    await stage.undisturbed(PHOTOS)
    stage.images.delayMs = 100
  })
  afterAll(() => stage.close())

  test('fails, throttles, resets, refuses and hangs for a while ends with every copy', {
    timeout: 480 * SECOND,
  }, async () => {
    const settings = { DOWNLOAD_CONCURRENCY: '4', MAX_ATTEMPTS: '3' }
    const pipeline = await stage.pipeline({ photos: PHOTOS, store: 's3', settings })
    const crew = pipeline.crew(2)
    const run = await pipeline.ingest()
    const recoverySeconds: number[] = []
    for (const [i, mood] of MOODS.entries()) {
      await pipeline.reached((PHOTOS * (i + 0.5)) / (MOODS.length + 1))
      const before = stage.store.front.disturbed
      await stage.store.front.become(mood)
      await pause(OUTAGE_MS)
      if (mood !== 'refuse') expect(stage.store.front.disturbed).toBeGreaterThan(before)
      await stage.store.front.become('well')
      recoverySeconds.push(await pipeline.recovered())
    }
    await expectOrderlyEnd(pipeline, run, crew)
    await expectNothingLost(pipeline, { fault: `S3 in trouble (${MOODS})`, events: MOODS.length, recoverySeconds })
  })

  describe('forbids', () => {
    afterEach(() => {
      stage.store.forbids = () => false
    })

    test('all but PutObject ends with every copy', { timeout: 360 * SECOND }, async () => {
      stage.store.forbids = method => method !== 'PUT'
      const pipeline = await stage.pipeline({ photos: PHOTOS, store: 's3' })
      const crew = pipeline.crew(2)
      await expectOrderlyEnd(pipeline, await pipeline.ingest(), crew)
      stage.store.forbids = () => false
      const copies = (await pipeline.objectKeys()).filter(key => !key.startsWith('check-'))
      expect(copies).toHaveLength(PHOTOS)
    })

    test('some copies for good fails their photos, names the right, and ends', { timeout: 360 * SECOND }, async () => {
      stage.store.forbids = (method, path) => method === 'PUT' && /photo-00000[0-4]\.jpg/.test(path)
      const pipeline = await stage.pipeline({ photos: PHOTOS, store: 's3' })
      const crew = pipeline.crew(2)
      const { code } = await (await pipeline.ingest()).ended
      expect(code).toBe(3)
      expect(await crew.stop()).toEqual([0, 0])
      const { failures } = await pipeline.endState()
      expect([...failures.values()]).toEqual(Array(5).fill('STORE_FAILED'))
    })

    test('PutObject is refused at the start', { timeout: 240 * SECOND }, async () => {
      stage.store.forbids = method => method === 'PUT'
      const pipeline = await stage.pipeline({ photos: PHOTOS, store: 's3' })
      for (const command of [await pipeline.ingest(), pipeline.start(['worker'])]) {
        const { code, stderr } = await command.ended
        expect(code).toBe(1)
        expect(stderr).toMatch(/STORE_UNREACHABLE.*AccessDenied.*s3:PutObject on arn:aws:s3:::/)
      }
    })
  })

  test.skipIf(!canMount)(
    'is a folder on a full disk goes on once there is space',
    {
      timeout: 480 * SECOND,
    },
    async () => {
      const disk = join(stage.folder, 'disk')
      await mkdir(disk)
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk])
      try {
        const store = { folder: join(disk, 'copies') }
        const settings = { DOWNLOAD_CONCURRENCY: '4', MAX_ATTEMPTS: '3' }
        const pipeline = await stage.pipeline({ photos: PHOTOS, store, settings })
        const crew = pipeline.crew(2)
        const run = await pipeline.ingest()
        await pipeline.reached(PHOTOS * 0.2)
        const ballast = join(disk, 'ballast')
        await until('the disk is full', () => isFull(disk, ballast))
        await pause(OUTAGE_MS)
        expect(await pipeline.settled()).toBeLessThan(PHOTOS)
        await rm(ballast)
        const recoverySeconds = [await pipeline.recovered()]
        const { code, stderr } = await run.ended
        expect(code, stderr).toBe(0)
        await pipeline.isIdle()
        expect(await crew.stop()).toEqual([0, 0])
        expect(crew.deaths).toBe(0)
        await expectNothingLost(pipeline, { fault: 'disk full', events: 1, recoverySeconds })
        expect(execFileSync('find', [store.folder, '-path', '*~unfinished/*'], { encoding: 'utf8' })).toBe('')
      } finally {
        execFileSync('umount', ['-l', disk])
      }
    },
  )
})

/** Writes until nothing fits any more. */
async function isFull(disk: string, ballast: string): Promise<boolean> {
  await writeFile(ballast, Buffer.alloc(64 * 1024), { flag: 'a' }).catch(() => {})
  const { bavail } = await statfs(disk)
  if (bavail > 16) return isFull(disk, ballast)
  await writeFile(ballast, Buffer.alloc(4096), { flag: 'a' }).catch(() => {})
  return (await statfs(disk)).bavail === 0
}
