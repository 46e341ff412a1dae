import { readdirSync, readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../support/until.js'
import type { Command, Ended } from './support/command.js'
import { photoId } from './support/image-server.js'
import type { Pipeline } from './support/pipeline.js'
import { hasServers, Stage } from './support/stage.js'

const SECOND = 1000
const PHOTOS = 64
const SETTINGS = { PHOTOS_PER_JOB: '8', DOWNLOAD_CONCURRENCY: '2' }

/** What a command has started or opened is recognised by the settings it was given. */
describe.skipIf(!hasServers())('a command that ends leaves no connection and no process behind:', () => {
  let stage: Stage
  let full: Pipeline

  beforeAll(async () => {
    stage = await Stage.open()
    full = await stage.pipeline({ photos: PHOTOS, settings: SETTINGS })
    const { code, stderr } = await full.start(['ingest', await stage.photoTable(full.options), '--processes', '1'])
      .ended
    expect(code, stderr).toBe(0)
    stage.images.delayMs = 200
  })
  afterAll(() => stage.close())

  async function ends(pipeline: Pipeline, command: Command, code: number): Promise<Ended> {
    const ended = await command.ended
    expect(ended.code, ended.stderr).toBe(code)
    // The servers learn of the end of a process a moment later.
    await until('nothing is left of the command', async () => (await leftOf(pipeline)).length === 0, 10 * SECOND).catch(
      async () => expect(await leftOf(pipeline)).toEqual([]),
    )
    return ended
  }

  test.each([
    ['status', []],
    ['search', ['a boat at night']],
    ['photo', [photoId(1)]],
    ['labels', ['predict', 'taken_time']],
    ['labels', ['show', 'taken_time']],
    ['run', ['list']],
    ['models', ['list']],
    ['db', ['status']],
    ['ingest', ['--only-missing', '--wait']],
    ['worker', ['--until-idle']],
  ])('%s, by itself', { timeout: 240 * SECOND }, async (name, args) => {
    await ends(full, full.start([name, ...args]), 0)
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('an idle worker, by %s', { timeout: 240 * SECOND }, async signal => {
    const worker = full.start(['worker'])
    await until('the worker works', () => worker.stderr().includes('worker started'))
    worker.child.kill(signal)
    await ends(full, worker, 0)
  })

  test('ingest --wait without workers, by SIGINT', { timeout: 240 * SECOND }, async () => {
    const pipeline = await stage.pipeline({ photos: PHOTOS, settings: SETTINGS })
    const run = await pipeline.ingest()
    const queue = await pipeline.openQueue()
    await until('the batches wait', async () => (await queue.counts()).waiting > 0)
    await queue.close()
    run.child.kill('SIGINT')
    await ends(pipeline, run, 130)
  })

  test.each([
    ['ingest --processes 2', 'SIGINT', 130],
    ['ingest --processes 2', 'SIGKILL', null],
    ['worker --processes 2', 'SIGTERM', 0],
    ['worker --processes 2', 'SIGKILL', null],
  ] as const)('%s in the middle of its work, by %s', { timeout: 90 * SECOND }, async (line, signal, code) => {
    const pipeline = await stage.pipeline({ photos: PHOTOS, settings: SETTINGS })
    const [name, ...args] = line.split(' ')
    const table = await stage.photoTable(pipeline.options)
    if (name === 'worker') expect((await pipeline.start(['ingest', table]).ended).code).toBe(0)
    const command = pipeline.start([name!, ...(name === 'ingest' ? [table] : []), ...args])
    await pipeline.reached(1)
    command.child.kill(signal)
    await ends(pipeline, command, code as number)
    expect(await pipeline.settled()).toBeLessThan(PHOTOS)
  })

  test.each(['redis', 'postgres'] as const)(
    'a worker while %s is away, by SIGTERM',
    { timeout: 240 * SECOND },
    async name => {
      const pipeline = await stage.pipeline({ photos: PHOTOS, settings: SETTINGS })
      const table = await stage.photoTable(pipeline.options)
      expect((await pipeline.start(['ingest', table]).ended).code).toBe(0)
      const worker = pipeline.start(['worker'])
      await pipeline.reached(1)
      await stage[name].kill()
      worker.child.kill('SIGTERM')
      const { code, stderr } = await worker.ended
      await stage[name].restart()
      expect(code, stderr).toBe(0)
      expect(await leftOf(pipeline)).toEqual([])
    },
  )
})

/** Connections of other processes to this pipeline's database and to Redis, and processes with this pipeline's settings. */
async function leftOf(pipeline: Pipeline): Promise<string[]> {
  return [...(await databaseClients(pipeline)), ...(await redisClients(pipeline)), ...processes(pipeline)]
}

async function databaseClients({ databaseUrl, name }: Pipeline): Promise<string[]> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'watch' })
  await client.connect()
  const { rows } = await client.query<{ application_name: string }>(
    `select application_name from pg_stat_activity where datname = $1 and application_name like 'unsplash-clip%'`,
    [name],
  )
  await client.end()
  return rows.map(row => `connection of ${row.application_name} to Postgres`)
}

async function redisClients({ stage }: Pipeline): Promise<string[]> {
  const client = new Redis(stage.redis.url)
  const list = (await client.client('LIST')) as string
  const own = `id=${await client.client('ID')} `
  client.disconnect()
  return list
    .split('\n')
    .filter(line => line !== '' && !line.startsWith(own))
    .map(line => `connection to Redis: ${line}`)
}

function processes({ folder }: Pipeline): string[] {
  return readdirSync('/proc')
    .filter(entry => /^\d+$/.test(entry) && hasSetting(entry, `UNSPLASH_CLIP_HOME=${folder}`))
    .map(pid => `process ${pid}`)
}

function hasSetting(pid: string, setting: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(setting)
  } catch {
    return false // it has ended
  }
}
