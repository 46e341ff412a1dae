import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/db/connection.js'
import { openPostgresQueue } from '../../src/queue/postgres-backend.js'
import { Sandbox } from '../support/cli.js'
import { hasPgbouncer, type Pgbouncer, startPgbouncer } from '../support/servers/pgbouncer.js'
import { hasNativeServer, nativeServer, type TestServer } from '../support/servers/postgres.js'

const MINUTE = 60_000
const PHOTOS = 12

describe.skipIf(![hasNativeServer(), hasPgbouncer()].every(Boolean))('through pgbouncer in transaction mode', () => {
  let server: TestServer
  let pgbouncer: Pgbouncer
  let direct: string
  let pooled: string

  beforeAll(async () => {
    server = await nativeServer()
    direct = await server.freshUrl()
    pgbouncer = await startPgbouncer(direct)
    pooled = pgbouncer.through(direct)
  }, 4 * MINUTE)
  afterAll(async () => {
    await pgbouncer?.stop()
    await server?.close()
  })

  test('a statement has its timeout, and nothing of it stays behind for other clients', async () => {
    const database = await openDatabase({ url: pooled, statementTimeoutMs: 100, maxConnections: 1 })
    const other = await openDatabase({ url: pooled, maxConnections: 1 })
    await expect(database.query('select pg_sleep(60)')).rejects.toMatchObject({ code: 'DATABASE_TIMEOUT' })
    await database.transaction(session => session.query('select pg_sleep(0.3)'), { unlimited: true })
    for (let i = 0; i < 6; i++)
      expect(await other.query('show statement_timeout')).toEqual([{ statement_timeout: '0' }])
    expect(await database.query('show statement_timeout')).toEqual([{ statement_timeout: '100ms' }])
    await Promise.all([database.close(), other.close()])
  })

  test('so it has where the pooler ignores what it does not know', async () => {
    const lenient = await startPgbouncer(direct, { ignore_startup_parameters: 'statement_timeout,options' })
    const url = lenient.through(direct)
    const database = await openDatabase({ url, statementTimeoutMs: 100 })
    await expect(database.query('select pg_sleep(60)')).rejects.toMatchObject({ code: 'DATABASE_TIMEOUT' })
    await database.close()
    const queue = await openPostgresQueue({ url, embedded: false, name: 'lenient' })
    expect(await queue.counts()).toMatchObject({ waiting: 0 })
    await queue.close()
    await lenient.stop()
  })

  test('settings in DATABASE_URL are refused, by name', async () => {
    const url = `${pooled}?options=${encodeURIComponent('-c work_mem=8MB')}`
    await expect(openDatabase({ url, failFast: true })).rejects.toMatchObject({
      code: 'DATABASE_UNREACHABLE',
      message: expect.stringMatching(/unsupported startup parameter.*leave options and statement_timeout out of it/),
    })
  })

  test('photos are ingested, with the queue in the same database, and searched; an index build names the setting', {
    timeout: 8 * MINUTE,
  }, async () => {
    const sandbox = await Sandbox.create({ DATABASE_URL: pooled })
    const folder = join(sandbox.home, 'photos')
    mkdirSync(folder)
    for (let i = 0; i < PHOTOS; i++)
      await sharp({ create: { width: 64, height: 48, channels: 3, background: { r: 20 * i, g: 90, b: 200 - 15 * i } } })
        .jpeg()
        .toFile(join(folder, `photo-${i}.jpg`))
    const ingest = await sandbox.run('ingest', folder, '--processes', '2')
    expect(ingest.code, ingest.stderr).toBe(0)
    const search = await sandbox.run('search', 'a boat at night', '--json')
    expect(search.code, search.stderr).toBe(0)
    expect(search.objects().length).toBeGreaterThan(0)
    const status = await sandbox.run('status', '--json')
    expect(status.objects()[0]).toMatchObject({ embedded: PHOTOS, failed: 0, queue: { waiting: 0, failed: 0 } })
    const labels = await sandbox.run('labels', 'predict', 'taken_time')
    expect(labels.code, labels.stderr).toBe(0)
    const build = await sandbox.run('index', 'build', '--kind', 'ivfflat', '--lists', '2', '--memory', '20MB')
    expect(build.stderr).toMatch(
      /CONFIG_INVALID: DATABASE_URL: expected the address of Postgres itself, because an index build needs a session/,
    )
    expect(build.code).toBe(2)
    await sandbox.close()
  })
})
