import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/db/connection.js'
import { migrate } from '../../src/db/migrate.js'
import {
  hasNativeServer,
  hasOwnServer,
  nativeServer,
  type OwnPostgres,
  startPostgres,
  type TestServer,
} from '../support/servers/postgres.js'

async function migrateAt(url: string): Promise<unknown> {
  const database = await openDatabase({ url })
  try {
    return await migrate(database)
  } finally {
    await database.close()
  }
}

describe.skipIf(!hasNativeServer())('a database without the extension that it needs says who has to do what', () => {
  const user = `uc_plain_${randomBytes(4).toString('hex')}`
  let server: TestServer
  let url: string
  let plainUrl: string

  async function asAdmin(...statements: string[]): Promise<void> {
    const admin = await openDatabase({ url })
    for (const statement of statements) await admin.query(statement)
    await admin.close()
  }

  beforeAll(async () => {
    server = await nativeServer()
    url = await server.freshUrl()
    const plain = new URL(url)
    plain.username = user
    plain.password = 'test'
    plainUrl = plain.href
    await asAdmin(`create role ${user} login password 'test'`, `alter schema public owner to ${user}`)
  })
  afterAll(async () => {
    await asAdmin(`drop owned by ${user} cascade`, `drop role ${user}`)
    await server?.close()
  })

  test('when the user may not create it, and works once it is created', async () => {
    const database = new URL(url).pathname.slice(1)
    await expect(migrateAt(plainUrl)).rejects.toMatchObject({
      code: 'DATABASE_FORBIDDEN',
      message: expect.stringMatching(
        new RegExp(
          `the user ${user} may not do so: permission denied to create extension "vector"\\. .*` +
            `A superuser, .* runs in ${database}: create extension if not exists vector\\. Then run this command again`,
        ),
      ),
    })
    await asAdmin('create extension if not exists vector')
    expect(await migrateAt(plainUrl)).toMatchObject({ applied: expect.arrayContaining(['0001_photos']) })
  })

  test('when it is too old there', async () => {
    const other = await server.freshUrl()
    const database = await openDatabase({ url: other })
    await database.query('create extension vector')
    await database.query(`update pg_extension set extversion = '0.5.1' where extname = 'vector'`)
    await expect(migrate(database)).rejects.toMatchObject({
      code: 'DATABASE_TOO_OLD',
      message: expect.stringMatching(/found 0\.5\.1 in the database .*: alter extension vector update$/),
    })
    await database.close()
  })
})

describe.skipIf(!hasOwnServer())('a server without pgvector', () => {
  let postgres: OwnPostgres
  beforeAll(async () => {
    postgres = await startPostgres({ withoutVector: true })
  })
  afterAll(() => postgres?.stop())

  test('names the package and the statement', async () => {
    await expect(migrateAt(postgres.url)).rejects.toMatchObject({
      code: 'DATABASE_TOO_OLD',
      message: expect.stringMatching(
        /found none on this server\. The administrator of the server installs it \(Debian and Ubuntu: apt install postgresql-\d+-pgvector; .*create extension if not exists vector$/,
      ),
    })
  })
})
