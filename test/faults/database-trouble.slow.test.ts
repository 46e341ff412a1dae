import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../support/servers/free-port.js'
import { canMount, mountSmallDisk, type SmallDisk } from '../support/servers/small-disk.js'
import { until } from '../support/until.js'
import type { Command } from './support/command.js'
import type { Crew } from './support/crew.js'
import type { Pipeline } from './support/pipeline.js'
import { hasServers, Stage } from './support/stage.js'
import { expectNothingLost } from './support/verdict.js'

const SECOND = 1000
const PHOTOS = 320
const QUEUES = ['redis', 'postgres'] as const
/** Longer than statements wait for a lost connection. */
const OUTAGE_MS = 75 * SECOND

const READ_ONLY = ['alter system set default_transaction_read_only = on', 'select pg_reload_conf()']
const WRITABLE = ['alter system reset default_transaction_read_only', 'select pg_reload_conf()']

const hasDisk = canMount()

interface Disturbed {
  pipeline: Pipeline
  crew: Crew
  run: Command
  readyUrl: string
}

/** Two pipelines are disturbed at once: one with its queue on Redis, one with its queue on the Postgres in trouble. */
describe.skipIf(!hasServers())('a Postgres that answers, but is', () => {
  let stage: Stage
  let disk: SmallDisk | undefined

  beforeAll(async () => {
    stage = await Stage.open()
    await stage.undisturbed(PHOTOS)
    stage.images.delayMs = 100
    if (!hasDisk) return
    disk = mountSmallDisk(100, stage.postgres.owner)
    await stage.postgres.sql(`create tablespace small location '${disk.folder}'`)
  })
  afterEach(async () => {
    stage.images.heldFrom = Number.POSITIVE_INFINITY
    disk?.free()
  })
  afterAll(async () => {
    await stage.close()
    disk?.unmount()
  })

  /** The last half of the photos is not answered before {@link midway}: neither run ends before the fault. */
  async function start(tablespace?: string): Promise<Disturbed[]> {
    stage.images.requests.clear()
    stage.images.heldFrom = PHOTOS / 2
    return Promise.all(
      QUEUES.map(async queue => {
        const settings = { DOWNLOAD_CONCURRENCY: '2', DOWNLOAD_TIMEOUT_MS: '300000' }
        const pipeline = await stage.pipeline({ photos: PHOTOS, queue, settings })
        if (tablespace) await stage.postgres.sql(`alter database ${pipeline.name} set tablespace ${tablespace}`)
        const port = await freePort()
        const crew = pipeline.crew(1, { settings: { METRICS_PORT: String(port) } })
        return { pipeline, crew, run: await pipeline.ingest(), readyUrl: `http://127.0.0.1:${port}/readyz` }
      }),
    )
  }

  async function midway(disturbed: Disturbed[], photos: number, disturb: () => Promise<unknown>): Promise<void> {
    await forAll(disturbed, ({ pipeline }) => pipeline.reached(photos))
    await disturb()
    stage.images.heldFrom = Number.POSITIVE_INFINITY
  }

  const forAll = (disturbed: Disturbed[], act: (one: Disturbed) => Promise<unknown>) => Promise.all(disturbed.map(act))

  /** Every photo was asked for once by each pipeline, nothing was rejected or given up, and nothing is different. */
  async function endsAsUndisturbed(disturbed: Disturbed[], fault: string, seconds: number[]): Promise<void> {
    for (const [i, { pipeline, crew, run }] of disturbed.entries()) {
      const name = `${fault}, queue on ${QUEUES[i]}`
      const { code, stderr } = await run.ended
      expect(code, `${name}: ${stderr}`).toBe(0)
      await pipeline.isIdle()
      expect(await crew.stop(), name).toEqual([0])
      expect(crew.deaths, name).toBe(0)
      const worker = crew.workers[0]!.stderr()
      expect(worker, name).not.toMatch(/for another try|batch given up/)
      expect(worker, name).not.toMatch(/"attempt":(?!1\b)/)
      await expectNothingLost(pipeline, { fault: name, events: 1, recoverySeconds: [seconds[i]!] })
    }
    const wanted = new Map([...stage.images.requests].map(([id]) => [id, QUEUES.length]))
    expect(stage.images.requests).toEqual(wanted)
  }

  const readiness = async ({ readyUrl }: Disturbed) => {
    const response = await fetch(readyUrl)
    return { status: response.status, body: await response.text() }
  }

  test('read-only for more than a minute costs no attempt and no download', { timeout: 300 * SECOND }, async () => {
    const disturbed = await start()
    await midway(disturbed, PHOTOS * 0.1, () => stage.postgres.sql(...READ_ONLY))
    const startedAt = Date.now()
    await forAll(disturbed, async one => {
      await until('it is not ready', async () => (await readiness(one)).status === 503)
      expect((await readiness(one)).body).toContain('read-only transaction')
      await until('its worker knows', () => one.crew.workers[0]!.stderr().includes('is away; nothing new'), OUTAGE_MS)
      await until('its producer says so', () => one.run.stderr().includes('default_transaction_read_only'), OUTAGE_MS)
      const { stdout } = await one.pipeline.start(['status']).ended
      expect(stdout).toMatch(
        /^Trouble .*cannot work now: .*read-only.*SQLSTATE 25006.*Point DATABASE_URL to the primary/m,
      )
    })
    await pause(Math.max(0, startedAt + OUTAGE_MS - Date.now()))
    await stage.postgres.sql(...WRITABLE)
    const seconds = await Promise.all(disturbed.map(({ pipeline }) => pipeline.recovered()))
    await endsAsUndisturbed(disturbed, 'Postgres read-only', seconds)
  })

  test.skipIf(!hasDisk)('out of disk costs no attempt and no download', { timeout: 300 * SECOND }, async () => {
    const disturbed = await start('small')
    await midway(disturbed, PHOTOS * 0.1, async () => disk!.fill())
    await forAll(disturbed, async one => {
      await until('its worker knows', () => one.crew.workers[0]!.stderr().includes('disk of the server is full'))
      await until('it is not ready', async () => (await readiness(one)).status === 503)
    })
    await pause(20 * SECOND)
    disk!.free()
    const seconds = await Promise.all(disturbed.map(({ pipeline }) => pipeline.recovered()))
    await endsAsUndisturbed(disturbed, 'Postgres out of disk', seconds)
  })

  test.each([
    ['read-only', () => stage.postgres.sql(...READ_ONLY), () => stage.postgres.sql(...WRITABLE)],
    ...(hasDisk ? [['out of disk', async () => disk!.fill(), async () => disk!.free(), 'small'] as const] : []),
    ['silent', async () => stage.postgres.freeze(), async () => stage.postgres.thaw()],
  ] as const)('%s lets a worker end within 10 s of SIGTERM', { timeout: 240 * SECOND }, async (...given) => {
    const [, disturb, repair, tablespace] = given
    const disturbed = await start(tablespace)
    const stopped = async () => {
      const startedAt = Date.now()
      const codes = await Promise.all(disturbed.map(({ crew }) => crew.stop()))
      return { codes, tookMs: Date.now() - startedAt }
    }
    await midway(disturbed, 16, disturb)
    await pause(5 * SECOND)
    const { codes, tookMs } = await stopped().finally(repair)
    await forAll(disturbed, ({ run }) => run.kill())
    // Without a code: it ended itself by SIGTERM, since a queue on the silent server cannot be left in order.
    for (const code of codes.flat()) expect([0, null]).toContain(code)
    expect(tookMs).toBeLessThan(10 * SECOND)
  })
})
