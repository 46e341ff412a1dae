import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { backUp } from '../../../src/db/dump/backup.js'
import { inCopyTransaction } from '../../../src/db/dump/copy-client.js'
import { moveDatabase } from '../../../src/db/dump/move.js'
import { restoreBackup } from '../../../src/db/dump/restore.js'
import { isSameDatabase } from '../../../src/db/dump/same-database.js'
import { migrate } from '../../../src/db/migrate.js'
import { readMigrationFiles } from '../../../src/db/schema/migration-files.js'
import { embeddedServer, hasNativeServer, nativeServer, type TestServer } from '../../support/servers/postgres.js'

const options = () => ({ force: false, signal: new AbortController().signal, onProgress: () => undefined })
const STAGING_FIRST = 'alter database THIS set search_path = staging, public'
const IDLE = `
  from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and state = 'idle in transaction'`

describe.skipIf(!hasNativeServer())('a database to restore or move into', () => {
  const folder = mkdtempSync(join(tmpdir(), 'uc-refused-'))
  const file = join(folder, 'one.backup')
  const opened: Database[] = []
  let server: TestServer
  let source: Database

  beforeAll(async () => {
    server = await nativeServer()
    source = await server.freshDatabase()
    await source.query(`insert into photos (photo_id, photo_image_url) values ('one', 'x')`)
    await backUp(source, file, options())
  })
  afterAll(async () => {
    for (const database of opened) await database.close()
    await server?.close()
    rmSync(folder, { recursive: true })
  })

  const open = async (url: string): Promise<Database> => {
    const database = await openDatabase({ url, maxConnections: 3 })
    opened.push(database)
    return database
  }

  /** A new database after these statements, opened again so that its settings hold. */
  async function prepared(statements: string[] = [], { isMigrated = false } = {}): Promise<Database> {
    const url = await (isMigrated ? server.migratedUrl() : server.freshUrl())
    const first = await open(url)
    for (const sql of statements) await first.query(sql.replace('THIS', new URL(url).pathname.slice(1)))
    return open(url)
  }

  async function expectRefusal(target: Database, found: string): Promise<void> {
    const refusal = { code: 'DATABASE_NOT_EMPTY', message: expect.stringContaining(found) }
    await expect(restoreBackup(target, file, options())).rejects.toMatchObject(refusal)
    await expect(moveDatabase(source, target, options())).rejects.toMatchObject(refusal)
  }

  test('keeps tables of another program that have the same names, with and without rows', async () => {
    const target = await prepared([
      'create table workers (name text)',
      `insert into workers values ('theirs')`,
      'create table photos (id integer)',
    ])
    await expectRefusal(target, 'found tables of another program in the schema public: photos, workers. Nothing')
    expect(await target.query('select name from workers')).toEqual([{ name: 'theirs' }])
    expect(await target.query('select id from photos')).toEqual([])
  })

  test('keeps the ledger of another program', async () => {
    const target = await prepared(['create table schema_migrations (version text primary key)'])
    await expectRefusal(target, 'tables of another program in the schema public: schema_migrations')
    expect(await target.query('select version from schema_migrations')).toEqual([])
  })

  test('keeps a table beside those of an earlier version, which did not create it', async () => {
    const { name } = readMigrationFiles().tables.find(({ sql }) => /create table photo_texts/.test(sql))!
    const target = await prepared([`delete from schema_migrations where name = '${name}'`], { isMigrated: true })
    await expectRefusal(target, 'tables of another program in the schema public: photo_texts, search_model')
  })

  test('keeps a collection in another schema of the search path', async () => {
    const target = await prepared(
      [`insert into photos (photo_id, photo_image_url) values ('mine', 'x')`, 'create schema staging', STAGING_FIRST],
      { isMigrated: true },
    )
    await expectRefusal(target, 'found one in the schema public, to which the search_path leads: staging, public. ')
    expect(await target.query('select photo_id from public.photos')).toEqual([{ photo_id: 'mine' }])
  })

  test('is filled in its first schema while other schemas keep tables of the same names', async () => {
    const target = await prepared([
      'create table photos (id integer)',
      'insert into photos values (7)',
      'create schema staging',
      STAGING_FIRST,
    ])
    await restoreBackup(target, file, options())
    expect(await target.query('select photo_id from staging.photos')).toEqual([{ photo_id: 'one' }])
    expect(await target.query('select id from public.photos')).toEqual([{ id: 7 }])
  })

  test('is not the source under another address', async () => {
    const url = await server.freshUrl()
    const [target, other] = [await open(url), await open(`${url}?application_name=other`)]
    await migrate(target)
    await expect(moveDatabase(other, target, options())).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/^--to expects another database than the present one, found the same one: /),
    })
    const embedded = await embeddedServer()
    const embeddedUrl = await embedded.freshUrl()
    const [one, another] = [await openDatabase({ url: embeddedUrl }), await openDatabase({ url: embeddedUrl })]
    expect(await isSameDatabase(one, another)).toBe(true)
    expect(await isSameDatabase(one, target)).toBe(false)
    await one.close()
    await another.close()
    await embedded.close()
  })

  test('is complete although the server ends idle transactions of the source', async () => {
    const from = await prepared(['alter database THIS set idle_in_transaction_session_timeout = 5000'])
    await restoreBackup(from, file, options())
    const timeout = `select current_setting('idle_in_transaction_session_timeout') as ms`
    expect(await inCopyTransaction(from, 'begin', session => session.query(timeout))).toEqual([{ ms: '0' }])

    let ended: Promise<unknown> | undefined
    const onProgress = ({ phase }: { phase: string }) => {
      // From here on nothing needs the source.
      if (phase === 'check') ended ??= from.query(`select pg_terminate_backend(pid) ${IDLE}`)
    }
    const target = await prepared()
    const { rows } = await moveDatabase(from, target, { ...options(), onProgress })
    expect(await ended).toEqual([])
    expect(rows.photos).toBe(1)
  })
})
