import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../src/db/connection.js'
import { hasNativeServer, nativeServer, type TestServer } from '../support/servers/postgres.js'

describe.skipIf(!hasNativeServer())('an error of the server', () => {
  let server: TestServer
  let database: Database
  beforeAll(async () => {
    server = await nativeServer()
    database = await server.freshDatabase()
  })
  afterAll(() => server?.close())

  const raise = (state: string, message: string) =>
    database.query(`do $do$ begin raise exception using errcode = '${state}', message = $m$${message}$m$; end $do$`)

  test.each([
    ['53100', 'could not extend file "base/1/2": No space left on device', 'DATABASE_UNAVAILABLE', 'free space there'],
    ['53200', 'out of memory', 'DATABASE_UNAVAILABLE', 'out of memory: give it more'],
    ['53400', 'temporary file size exceeds temp_file_limit', 'DATABASE_UNAVAILABLE', 'its log names the setting'],
    ['58030', 'could not read block 7 in file "base/1/2": Input/output error', 'DATABASE_UNAVAILABLE', 'at the disk'],
    ['58P01', 'could not access file "$libdir/vector": No such file', 'DATABASE_UNAVAILABLE', 'install pgvector there'],
    ['42501', 'could not extend file "base/1/2": Read-only file system', 'DATABASE_UNAVAILABLE', 'at the disk'],
    ['XX000', 'could not write to file "base/1/2": Disk quota exceeded', 'DATABASE_UNAVAILABLE', 'at the disk'],
    ['XX000', 'could not write init file', 'DATABASE_UNAVAILABLE', 'free space there'],
    ['54000', 'database is not accepting commands to avoid wraparound', 'DATABASE_UNAVAILABLE', 'run vacuum'],
    ['42501', 'permission denied for table photos', 'DATABASE_FORBIDDEN', 'infra/sql/roles.sql'],
    ['55P03', 'canceling statement due to lock timeout', 'DATABASE_BUSY', 'pg_stat_activity'],
    ['40001', 'could not serialize access', 'DATABASE_BUSY', 'Run the same command again'],
    ['57014', 'canceling statement due to user request', 'DATABASE_TIMEOUT', 'An administrator cancelled it'],
    ['57014', 'canceling statement due to statement timeout', 'DATABASE_TIMEOUT', 'DATABASE_STATEMENT_TIMEOUT_MS'],
    ['53300', 'sorry, too many clients already', 'DATABASE_UNREACHABLE', 'raise max_connections'],
    ['57P03', 'the database system is starting up', 'DATABASE_UNREACHABLE', 'Check that it runs'],
    ['25P03', 'terminating connection due to idle-in-transaction timeout', 'DATABASE_UNREACHABLE', 'Check that'],
    ['XX002', 'index "i" contains unexpected zero page', 'DATABASE_FAILED', 'reindex'],
    ['42P01', 'relation "photos" does not exist', 'DATABASE_FAILED', 'unsplash-clip db migrate'],
    ['22012', 'division by zero', 'DATABASE_FAILED', 'report this as a bug'],
  ])('%s (%s) is %s, with advice', async (state, message, code, advice) => {
    await expect(raise(state, message)).rejects.toMatchObject({ code, message: expect.stringContaining(advice) })
    await expect(raise(state, message)).rejects.toMatchObject({ message: expect.stringContaining(message) })
  })

  test('leads to a new connection when the server has become read-only, as after a failover', async () => {
    const pid = async () => (await database.query<{ pid: number }>('select pg_backend_pid() as pid'))[0]!.pid
    const before = await pid()
    await expect(
      database.transaction(async session => {
        await session.query('set local transaction_read_only = on')
        await session.query('delete from workers')
      }),
    ).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    expect(await pid()).not.toBe(before)
  })
})
