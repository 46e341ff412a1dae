import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../../src/db/connection.js'
import { Sandbox } from '../../support/cli.js'
import { hasNativeServer, nativeServer, type TestServer } from '../../support/servers/postgres.js'
import { until } from '../../support/until.js'
import { type ScenePhotos, scenePhotos } from '../scene-photos.js'

const MINUTE = 60_000

describe.skipIf(!hasNativeServer())('on a database that is read-only', () => {
  let server: TestServer
  let url: string
  let scenes: ScenePhotos
  let sandbox: Sandbox

  beforeAll(async () => {
    server = await nativeServer()
    url = await server.migratedUrl()
    scenes = await scenePhotos(url)
    sandbox = await Sandbox.create({ DATABASE_URL: url }, { hosted: true })
    // Creates the queue.
    await sandbox.run('db', 'migrate')
    await writeFile(join(sandbox.home, 'urls.txt'), 'http://127.0.0.1:9/photo.jpg\n')
    await writeFile(
      join(sandbox.home, 'keywords.csv'),
      'photo_id,keyword,ai_service_1_confidence,ai_service_2_confidence,suggested_by_user\ncat-room,cat,90,,f\n',
    )
    await setReadOnly('on')
  }, 4 * MINUTE)
  afterAll(async () => {
    await scenes?.close()
    await sandbox?.close()
    await server?.close()
  })

  async function setReadOnly(value: 'on' | 'off'): Promise<void> {
    const name = new URL(url).pathname.slice(1)
    const root = await openDatabase({ url: process.env.TEST_DATABASE_URL! })
    await root.query(`alter database ${name} set default_transaction_read_only = ${value}`)
    await root.close()
  }

  test.each([
    ['run', 'pause', 'run-1'],
    ['run', 'cancel', 'run-1'],
    ['labels', 'predict', 'taken_time'],
    ['prompts', 'add', 'a red house'],
    ['models', 'use', 'demo'],
    ['models', 'retire', 'demo', '--yes'],
    ['index', 'build', '--kind', 'ivfflat', '--lists', '2', '--memory', '20MB'],
    ['index', 'drop'],
  ])('%s %s says so in one sentence', async (...args) => {
    const { code, stderr } = await sandbox.run(...args)
    expect(code).toBe(1)
    expect(stderr, args.join(' ')).not.toMatch(/\n\s+at /)
    expect(stderr).toMatch(/^(DATABASE_UNAVAILABLE|QUEUE_UNREACHABLE): .*\(SQLSTATE 25006\)\. It accepts no writes: /m)
  })

  test.each([
    ['search', 'a red house'],
    ['run', 'list'],
    ['photo', 'cat-room'],
    ['db', 'status'],
  ])('%s works', async (...args) => {
    const { code, stderr } = await sandbox.run(...args)
    expect(code, stderr).toBe(0)
  })

  test('status names the trouble', async () => {
    const { stdout } = await sandbox.run('status')
    expect(stdout).toMatch(
      /^Trouble {5}The database at .* cannot work now: .*\(SQLSTATE 25006\)\. It accepts no writes/m,
    )
  })

  test('ingest waits, says so, and goes on, for photos and for tables', { timeout: 6 * MINUTE }, async () => {
    const running = [
      sandbox.start('ingest', 'urls.txt'),
      sandbox.start('ingest', '--table', 'keywords', 'keywords.csv'),
    ]
    for (const { stderr } of running)
      await until('it says what it waits for', () => stderr().includes('It accepts no writes'))
    await setReadOnly('off')
    for (const { finished } of running) {
      const { code, stderr } = await finished
      expect(code, stderr).toBe(0)
      expect(stderr).toContain('Continuing.')
    }
    await setReadOnly('on')
  })
})
