import { cp, mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { Sandbox } from '../../support/cli.js'
import { until } from '../../support/until.js'

describe('another model and the stored copies of photos whose files are gone', () => {
  let sandbox: Sandbox
  let database: Database
  const ingest = (...args: string[]) => sandbox.start('ingest', ...args, '--label-set', 'none')
  const hub = '--model hub@fp32'.split(' ')
  const count = async (what: string) =>
    (await database.query<{ n: number }>(`select count(*)::integer as n from ${what}`))[0]!.n

  beforeAll(async () => {
    sandbox = await Sandbox.create()
    const model = join(sandbox.home, 'hub')
    await cp(join(import.meta.dirname, '..', '..', 'models', 'exported', 'hub'), model, { recursive: true })
    Object.assign(sandbox.environment, { MODEL_FOLDERS: model })
    const folder = join(sandbox.home, 'lib')
    await mkdir(folder)
    for (let grey = 10; grey < 16; grey++) {
      const background = { r: grey, g: grey, b: grey }
      const image = sharp({ create: { width: 40, height: 30, channels: 3, background } })
      await writeFile(join(folder, `${grey}.png`), await image.png().toBuffer())
    }
    const first = await ingest(folder, '--processes', '1').finished
    expect(first.code, first.stderr).toBe(0)
    await rename(folder, join(sandbox.home, 'gone'))
    database = await openDatabase({ url: (await sandbox.run('db', 'url')).stdout.trim() })
  })
  afterAll(async () => {
    await database?.close()
    await sandbox?.close()
  })

  test('are embedded also when the queue loses them: the copies, not the originals', async () => {
    const run = ingest('--only-missing', '--from-copies', ...hub, '--wait')
    await until('the batch is in the queue', async () => (await count(`bullmq.job`)) > 0)
    await database.query('truncate bullmq.job cascade')
    await until('it is enqueued again', () => run.stderr().includes('enqueued again from the database'))
    await sandbox.run('worker', '--until-idle', ...hub)
    const { code, stdout, stderr } = await run.finished
    expect([code, stdout], stderr).toEqual([0, expect.stringContaining('6 of 6 photos embedded with hub@fp32')])
  })

  test('are embedded after failures, which --retry-failed clears', async () => {
    await database.query(`
      with lost as (delete from embeddings where model_id = (select id from models where name = 'hub') returning model_id, photo_id)
      insert into failures (model_id, photo_id, code, message, attempts)
      select model_id, photo_id, 'HTTP_404', 'gone', 1 from lost`)
    const { code, stdout, stderr } = await ingest(
      '--retry-failed',
      'HTTP_404',
      '--from-copies',
      ...hub,
      '--processes',
      '1',
    ).finished
    expect([code, stdout], stderr).toEqual([0, expect.stringContaining('6 of 6 photos embedded with hub@fp32')])
    expect(await count('failures')).toBe(0)
  })
})
