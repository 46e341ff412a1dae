import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/db/connection.js'
import { hasOwnServer, type OwnPostgres, startPostgres } from '../support/servers/postgres.js'
import { until } from '../support/until.js'

describe.skipIf(!hasOwnServer())('a server that asks for a password', () => {
  let server: OwnPostgres
  beforeAll(async () => {
    server = await startPostgres()
    const client = new pg.Client({ connectionString: server.url })
    await client.connect()
    await client.query(`create role guarded login password 'right'`)
    const { rows } = await client.query('show data_directory')
    const file = join(rows[0].data_directory, 'pg_hba.conf')
    writeFileSync(file, `host all guarded 127.0.0.1/32 scram-sha-256\n${readFileSync(file, 'utf8')}`)
    await client.query('select pg_reload_conf()')
    await client.end()
  })
  afterAll(() => server?.stop())

  const withUser = (userinfo: string) => server.url.replace(/\/\/[^@]*@/, `//${userinfo}@`)

  test('is opened with the right one', async () => {
    const database = await openDatabase({ url: withUser('guarded:right') })
    expect(await database.query('select 1 as one')).toEqual([{ one: 1 }])
    await database.close()
  })

  test.each([
    ['guarded:wrong', /cannot be reached: password authentication failed for user "guarded"/],
    ['guarded', /cannot be reached: SASL: .*client password must be a string.*Check that .*DATABASE_URL is right/],
  ])('says what is wrong when it is given %s, and keeps no connection', async (userinfo, message) => {
    const sockets: Socket[] = []
    const { port } = new URL(server.url)
    const through = createServer(client => {
      const behind = new (client.constructor as new () => Socket)().connect(Number(port), '127.0.0.1')
      client.on('error', () => {}).pipe(behind.on('error', () => {}))
      behind.pipe(client)
      sockets.push(client)
    }).listen(0, '127.0.0.1')
    await once(through, 'listening')
    const url = new URL(withUser(userinfo))
    url.port = String((through.address() as { port: number }).port)
    await expect(openDatabase({ url: url.href, failFast: true })).rejects.toMatchObject({
      code: 'DATABASE_UNREACHABLE',
      message: expect.stringMatching(message),
    })
    await until('the end of its connections', () => sockets.length > 0 && sockets.every(socket => socket.destroyed))
    through.close()
  })
})
