import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../../src/db/connection.js'
import { identify } from '../../../src/models/catalog/identity.js'
import { resolveModel } from '../../../src/models/catalog/registry.js'
import { Sandbox } from '../../support/cli.js'

describe('a run that names no model', () => {
  let sandbox: Sandbox
  beforeAll(async () => {
    sandbox = await Sandbox.create({ LABEL_SETS: 'none', HF_ENDPOINT: 'http://127.0.0.1:1' })
    delete sandbox.environment.MODEL
    await writeFile(join(sandbox.home, 'photos.csv'), 'photo_id,photo_image_url\na,https://photos.test/a\n')
  }, 120_000)
  afterAll(() => sandbox?.close())

  /** Enqueues without workers, so that nothing is fetched. @returns the model of the run */
  async function modelOfRun(...options: string[]): Promise<unknown> {
    const ended = await sandbox.run('ingest', 'photos.csv', '--json', ...options)
    const run = ended.objects().at(-1)?.run
    expect(`${ended.code} ${ended.stderr} ${run}`).toMatch(/^0 .*\w$/s)
    return (await sandbox.run('run', 'show', String(run), '--json')).objects()[0]?.modelKey
  }

  test('gets the default where nothing is embedded', async () => {
    expect(await modelOfRun()).toBe('clip-vit-b-32@int8-smooth')
  })

  test('gets the precision of the photos that are embedded, if that is one', async () => {
    const { revision } = await identify(resolveModel('clip-vit-b-32@int8'), 'anywhere')
    const url = (await sandbox.run('db', 'url')).stdout.trim()
    const database = await openDatabase({ url })
    try {
      const [model] = await database.query<{ id: number }>(
        `select register_model('clip-vit-b-32', 'int8', $1, 512, 100) as id`,
        [revision],
      )
      await database.query(
        `insert into embeddings (model_id, photo_id, embedding)
         select $1, 'a', array_fill(0.04::real, array[512])::vector::halfvec`,
        [model!.id],
      )
    } finally {
      await database.close()
    }
    expect(await modelOfRun()).toBe('clip-vit-b-32@int8')
    expect(await modelOfRun('--model', 'clip-vit-b-32')).toBe('clip-vit-b-32@int8-smooth')
    expect(await modelOfRun('--model', 'demo')).toBe('demo@fp32')
    // Nothing can be fetched here, so a worker says what it wanted.
    const worker = await sandbox.run('worker', '--until-idle')
    expect(worker.stderr).toContain('of clip-vit-b-32@int8 ')
  })

  test('is told a worker of the model that was named, and no other', async () => {
    for (const [photo, options, worker] of [
      ['b', ['--model', 'demo'], 'worker --model demo@fp32. To'],
      ['c', [], 'worker. To'],
    ] as const) {
      await writeFile(
        join(sandbox.home, `${photo}.csv`),
        `photo_id,photo_image_url\n${photo},https://photos.test/${photo}\n`,
      )
      expect((await sandbox.run('ingest', `${photo}.csv`, ...options)).stdout).toContain(worker)
    }
  })
})
