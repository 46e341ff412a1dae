import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { requires } from '../support/servers/requirements.js'
import { until } from '../support/until.js'
import { photoId } from './support/image-server.js'
import { NameServer } from './support/name-server.js'
import type { Overrides, Pipeline } from './support/pipeline.js'
import { hasServers, Stage } from './support/stage.js'
import { expectNothingLost, expectOrderlyEnd } from './support/verdict.js'

const SECOND = 1000
const PHOTOS = 240
const HOSTS = ['photos.test', 'images.test']
/** Longer than all tries of a photo take here, were they counted. */
const OUTAGE_MS = 20 * SECOND

const canMount = requires('The right to mount', process.getuid?.() === 0, 'Run as root to replace resolv.conf.')

/** The workers see another resolv.conf than this process, whose name server comes and goes. */
describe.skipIf(!hasServers() || !canMount)('a network that', () => {
  let stage: Stage
  let names: NameServer
  let offMachine: Overrides
  beforeAll(async () => {
    stage = await Stage.open()
    await stage.undisturbed(PHOTOS)
    stage.images.delayMs = 100
    names = await new NameServer(`127.53.${(process.pid >> 8) & 0xff}.${process.pid & 0xff || 1}`).open()
    const resolv = join(stage.folder, 'resolv.conf')
    await writeFile(resolv, `nameserver ${names.address}\noptions timeout:5 attempts:2\n`)
    const mounted = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
    offMachine = { wrapper: ['unshare', '--mount', 'sh', '-c', mounted, 'sh', resolv] }
  })
  beforeEach(() => {
    names.hangs = false
  })
  afterAll(async () => {
    await names.close()
    await stage.close()
  })

  async function pipelineOf(settings: Record<string, string> = {}): Promise<{ pipeline: Pipeline; table: string }> {
    const port = new URL(stage.images.server.origin).port
    const ALLOW_HOSTS = HOSTS.map(host => `${host}:${port}`).join(',')
    const pipeline = await stage.pipeline({
      photos: PHOTOS,
      settings: { ALLOW_HOSTS, MAX_ATTEMPTS: '2', DOWNLOAD_CONCURRENCY: '4', ...settings },
    })
    const rows = Array.from(
      { length: PHOTOS },
      (_, i) => `${photoId(i)},http://${HOSTS[i % HOSTS.length]}:${port}/${photoId(i)}.jpg`,
    )
    const table = join(stage.folder, `${pipeline.name}.csv`)
    await writeFile(table, ['photo_id,photo_image_url', ...rows, ''].join('\n'))
    return { pipeline, table }
  }

  test('goes away and comes back costs time, no photo and no attempt; workers and the run say so', {
    timeout: 480 * SECOND,
  }, async () => {
    const { pipeline, table } = await pipelineOf()
    const crew = pipeline.crew(2, offMachine)
    const run = pipeline.start(['ingest', table, '--json', '--wait'])
    await pipeline.reached(PHOTOS * 0.2)
    await names.close()
    await stage.images.server.become('refuse')
    await pause(OUTAGE_MS)
    const status = await pipeline.start(['status']).ended
    await stage.images.server.become('well')
    await names.open()
    const recoverySeconds = [await pipeline.recovered()]
    await expectOrderlyEnd(pipeline, run, crew)
    for (const words of [status.stdout, run.stderr(), ...crew.words]) expect(words).toContain('the network is away')
    await expectNothingLost(pipeline, { fault: 'no network', events: 1, recoverySeconds })
  })

  test('is not there at the start is waited for', { timeout: 480 * SECOND }, async () => {
    await names.close()
    const { pipeline, table } = await pipelineOf()
    const crew = pipeline.crew(1, offMachine)
    const run = pipeline.start(['ingest', table, '--json', '--wait'])
    await until('the worker sees it', () => crew.workers[0]!.stderr().includes('the network is away'), 60 * SECOND)
    await names.open()
    const { code, stderr } = await run.ended
    expect(code, stderr).toBe(0)
    expect(await crew.stop()).toEqual([0])
    await expectNothingLost(pipeline, { fault: 'no network at the start', events: 1, recoverySeconds: [] })
  })

  test('answers no question for a name keeps no worker from its end', { timeout: 240 * SECOND }, async () => {
    names.hangs = true
    const { pipeline, table } = await pipelineOf({ DOWNLOAD_TIMEOUT_MS: '30000' })
    expect((await pipeline.start(['ingest', table]).ended).code).toBe(0)
    const worker = pipeline.start(['worker'], offMachine)
    await until('the worker works', () => worker.stderr().includes('worker started'), 60 * SECOND)
    await pause(SECOND)
    const stoppedAt = performance.now()
    const { code, signal } = await worker.stop()
    expect(performance.now() - stoppedAt).toBeLessThan(10 * SECOND)
    // The lookup occupies a thread, which only the signal ends.
    expect(code === 0 || signal === 'SIGTERM').toBe(true)
  })
})
