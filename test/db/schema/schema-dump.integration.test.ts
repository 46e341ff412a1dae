import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { migrate } from '../../../src/db/migrate.js'
import {
  hasOwnServer,
  type OwnPostgres,
  postgresProgram,
  serverKinds,
  startPostgres,
  type TestServer,
} from '../../support/servers/postgres.js'
import { requires } from '../../support/servers/requirements.js'
import { describeSchema } from './describe-schema.js'
import { olderMigrations } from './older-migrations.js'

/** The schema that all files of `migrations/` make together. `npm run schema:dump` writes it. */
const FILE = 'migrations/schema.sql'
const HEADER = `-- The schema that the files of migrations/ make together, for review. Do not edit it: npm run schema:dump
`
const AFTER_A_CHANGE = 'after a change run: npm run schema:dump'
/** Versions print some things differently, so the file has one. */
const DUMPED_BY = '15'
/** What depends on the version of pg_dump, the owner or the session. */
const LEFT_OUT = /^(--|SET |SELECT pg_catalog\.set_config|\\|COMMENT ON (EXTENSION|SCHEMA)|CREATE SCHEMA public)/

const kinds = serverKinds()
describe.each(kinds)('the schema on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    const databases: Database[] = []
    beforeAll(async () => {
      server = await start()
    })
    afterAll(async () => {
      for (const database of databases) await database.close()
      await server?.close()
    })

    async function open(): Promise<Database> {
      const database = await openDatabase({ url: await server.freshUrl() })
      databases.push(database)
      return database
    }

    test(`is what ${FILE} makes; ${AFTER_A_CHANGE}`, async () => {
      const migrated = await open()
      await migrate(migrated)
      const expected = await describeSchema(migrated)
      const database = await open()
      await database.transaction(async session => {
        // The functions come before the tables that they read.
        await session.query('set local check_function_bodies = off')
        await session.query(readFileSync(FILE, 'utf8'))
      })
      expect(await describeSchema(database)).toEqual(expected)
    })

    test('is the same when a database with older functions is migrated', async () => {
      const fresh = await open()
      await migrate(fresh)
      const expected = await describeSchema(fresh)
      const database = await open()
      await migrateInTwoSteps(database)
      expect(await describeSchema(database)).toEqual(expected)
    })
  })
})

describe.skipIf(!hasOwnServer() || !hasRightDump())(`pg_dump ${DUMPED_BY}`, () => {
  let postgres: OwnPostgres
  beforeAll(async () => {
    postgres = await startPostgres()
  })
  afterAll(() => postgres?.stop())

  async function dumped(name: string, prepare: (database: Database) => Promise<unknown>): Promise<string> {
    const admin = await openDatabase({ url: postgres.url })
    await admin.query(`create database ${name}`)
    await admin.close()
    const url = new URL(postgres.url)
    url.pathname = name
    const database = await openDatabase({ url: url.href })
    await prepare(database)
    await database.close()
    return dump(url.href)
  }

  test(`prints ${FILE} for a fresh database; ${AFTER_A_CHANGE}`, async () => {
    await expect(await dumped('fresh', migrate)).toMatchFileSnapshot(`../../../${FILE}`)
  })

  test(`prints ${FILE} for a database with older functions that was migrated`, async () => {
    expect(await dumped('older', migrateInTwoSteps)).toBe(readFileSync(FILE, 'utf8'))
  })
})

async function migrateInTwoSteps(database: Database): Promise<void> {
  const older = olderMigrations()
  await migrate(database, older)
  older.close()
  const { applied, functions } = await migrate(database)
  expect(applied).toEqual([])
  const changed = ['search_photos', 'photo_labels', 'labelled_photos', 'label_definition', 'search_facets']
  expect(functions).toEqual(expect.arrayContaining(changed))
  expect(functions).not.toContain('search_embeddings')
}

function dump(url: string): string {
  const options = ['--schema-only', '--schema=public', '--extension=vector', '--no-owner', '--no-privileges']
  const printed = execFileSync(postgresProgram('pg_dump'), [...options, url], { encoding: 'utf8', maxBuffer: 2 ** 26 })
  const kept = printed.split('\n').filter(line => !LEFT_OUT.test(line))
  return `${HEADER}\n${kept
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()}\n`
}

function hasRightDump(): boolean {
  const version = execFileSync(postgresProgram('pg_dump'), ['--version'], { encoding: 'utf8' })
  return requires(
    `pg_dump ${DUMPED_BY}, to compare ${FILE} with`,
    version.includes(` ${DUMPED_BY}.`),
    `Found ${version.trim()}. Put the programs of Postgres ${DUMPED_BY} first on the PATH.`,
  )
}
