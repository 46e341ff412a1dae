import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Database, describe as describeUrl, openDatabase } from '../../src/db/connection.js'
import { migrate } from '../../src/db/migrate.js'
import { fromVectorText, toHalfvecText, toVectorText } from '../../src/db/vector.js'
import { randomNumbers } from '../support/random-numbers.js'
import { freePort } from '../support/servers/free-port.js'
import { hasNativeServer, nativeServer, serverKinds, type TestServer } from '../support/servers/postgres.js'
import { until } from '../support/until.js'

describe('a connection', () => {
  test.each([
    ['postgres://me:secret@db.example:6543/photos', 'db.example:6543/photos'],
    ['postgresql://me:secret@db.example/photos?sslmode=require', 'db.example:5432/photos'],
    ['postgresql:///postgres?host=/home/me/db&user=postgres', '/home/me/db (socket)'],
    ['nonsense with secret', 'an address that is no URL'],
  ])('to %s is described without its credentials', (url, description) => {
    expect(describeUrl(url)).toBe(description)
  })

  test('says where it leads when nobody listens there, and not the password', async () => {
    const port = await freePort()
    const opening = openDatabase({ url: `postgres://me:secret@127.0.0.1:${port}/photos` })
    await expect(opening).rejects.toMatchObject({
      code: 'DATABASE_UNREACHABLE',
      message: expect.stringMatching(
        new RegExp(`^The database at 127\\.0\\.0\\.1:${port}/photos cannot be reached: .*ECONNREFUSED`),
      ),
    })
    await expect(opening).rejects.not.toMatchObject({ message: expect.stringContaining('secret') })
  })

  test('gives up on a server that never answers', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await until('the silent server', () => silent.listening)
    const { port } = silent.address() as { port: number }
    await expect(
      openDatabase({ url: `postgres://me@127.0.0.1:${port}/photos`, connectTimeoutMs: 200 }),
    ).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE', message: expect.stringContaining('timeout') })
    silent.close()
  })

  test('carries vectors as text without loss', () => {
    const vector = Float32Array.of(1 / 3, -1e-20, 3.4e38, 0.1, -0, 1.17549435e-38)
    expect(fromVectorText(toVectorText(vector))).toEqual(vector.map(value => value + 0))
  })
})

const kinds = serverKinds()
describe.each(kinds)('a connection to the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
    })
    afterAll(() => server?.close())
    beforeEach(() => database.query('drop table if exists counted'))

    test('reads counts as numbers, and refuses to round one that is too large', async () => {
      expect(await database.query('select 9007199254740991::bigint as n')).toEqual([{ n: 9007199254740991 }])
      await expect(database.query('select 9007199254740992::bigint as n')).rejects.toThrow('below 2^53')
    })

    test('takes an embedding in its short text for the same halves as in its long one', async () => {
      const random = randomNumbers(3)
      const numbers = Float32Array.from({ length: 4000 }, () => random() * 2 ** Math.floor(random() * 30 - 28))
      const vector = Float32Array.of(...numbers, 65_504, -65_504, 2 ** -24, 2 ** -25, 1 / 3, 1, 0)
      const texts = [toHalfvecText(vector), toVectorText(vector)]
      expect(await database.query('select $1::halfvec = $2::halfvec as same', texts)).toEqual([{ same: true }])
      expect(texts[0]!.length).toBeLessThan(0.8 * texts[1]!.length)
    })

    test('reads a timestamp without time zone as the text that it is', async () => {
      expect(await database.query(`select '2014-09-29 00:08:38.594364'::timestamp as t`)).toEqual([
        { t: '2014-09-29 00:08:38.594364' },
      ])
    })

    test('undoes a transaction that fails, and goes on', async () => {
      await database.query('create table counted (n integer)')
      await expect(
        database.transaction(async session => {
          await session.query('insert into counted values (1)')
          throw new Error('no')
        }),
      ).rejects.toThrow('no')
      expect(await database.query('select * from counted')).toEqual([])
    })

    test('repeats a transaction that lost a conflict', async () => {
      await database.query('create table counted (n integer)')
      let attempts = 0
      await database.transaction(async session => {
        attempts++
        await session.query('insert into counted values (1)')
        if (attempts < 3) await session.query(`do $$ begin raise exception 'lost' using errcode = '40P01'; end $$`)
      })
      expect(attempts).toBe(3)
      expect(await database.query('select count(*) as n from counted')).toEqual([{ n: 1 }])
    })
  })
})

const hasNative = hasNativeServer()
describe.skipIf(!hasNative)('a limit of time for statements', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await nativeServer()
  })
  afterAll(() => server?.close())

  test('cancels a statement that takes longer, and says which setting it is', async () => {
    const database = await openDatabase({ url: await server.freshUrl(), statementTimeoutMs: 50 })
    await expect(database.query('select pg_sleep(60)')).rejects.toMatchObject({
      code: 'DATABASE_TIMEOUT',
      message: expect.stringContaining('DATABASE_STATEMENT_TIMEOUT_MS'),
    })
    expect(await database.query('select 1 as one')).toEqual([{ one: 1 }])
    await database.close()
  })

  test('leaves a transaction alone that may take as long as it takes, and only that', async () => {
    const database = await openDatabase({ url: await server.freshUrl(), statementTimeoutMs: 50, maxConnections: 1 })
    await database.transaction(session => session.query('select pg_sleep(0.3)'), { unlimited: true })
    await expect(database.query('select pg_sleep(60)')).rejects.toMatchObject({ code: 'DATABASE_TIMEOUT' })
    await database.close()
  })

  test('never cuts a migration, nor the wait for another process that migrates', async () => {
    const url = await server.freshUrl()
    const other = await openDatabase({ url })
    const database = await openDatabase({ url, statementTimeoutMs: 50 })
    const migrations = mkdtempSync(join(tmpdir(), 'uc-migrations-'))
    writeFileSync(join(migrations, '0001_slow.sql'), 'select pg_sleep(0.3)')
    const applied = await Promise.all([
      migrate(other, { folder: migrations }),
      migrate(database, { folder: migrations }),
    ])
    expect(applied.flatMap(one => one.applied)).toEqual(['0001_slow'])
    writeFileSync(join(migrations, '0002_slow.sql'), 'select pg_sleep(0.3)')
    expect(await migrate(database, { folder: migrations })).toEqual({ applied: ['0002_slow'], functions: [] })
    rmSync(migrations, { recursive: true })
    await database.close()
    await other.close()
  })

  test('in the connection string wins', async () => {
    const url = new URL(await server.freshUrl())
    url.searchParams.set('statement_timeout', '12345')
    const database = await openDatabase({ url: url.href, statementTimeoutMs: 50 })
    expect(await database.query('show statement_timeout')).toEqual([{ statement_timeout: '12345ms' }])
    await database.close()
  })
})

describe.skipIf(!hasNative)('a connection to a server that is restarted', () => {
  let server: TestServer
  let database: Database
  beforeAll(async () => {
    server = await nativeServer()
    database = await server.freshDatabase()
  })
  afterAll(() => server?.close())

  test('survives that the server ends its connections, also in a transaction', async () => {
    const patient = await openDatabase({ url: await server.freshUrl(), reconnectMs: 30_000 })
    const endOthers = `select pg_terminate_backend(pid) from pg_stat_activity
                          where datname = $1 and pid <> pg_backend_pid()`
    const [{ name }] = (await patient.query('select current_database() as name')) as [{ name: string }]
    await database.query(endOthers, [name])
    expect(await patient.query('select 1 as one')).toEqual([{ one: 1 }])
    let attempts = 0
    await patient.transaction(async session => {
      if (++attempts === 1) await database.query(endOthers, [name])
      await session.query('select 1')
    })
    expect(attempts).toBe(2)
    await patient.close()
  })
})
