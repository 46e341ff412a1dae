import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../src/db/connection.js'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../../src/db/label-repository.js'
import { migrate, migrationStatus } from '../../src/db/migrate.js'
import { builtFile } from '../../src/package-root.js'
import { serverKinds, type TestServer } from '../support/servers/postgres.js'
import { aModel } from './factories.js'
import { olderMigrations } from './schema/older-migrations.js'

const FILES = readdirSync('migrations')
  .filter(file => /^\d{4}_/.test(file))
  .map(file => file.slice(0, -'.sql'.length))
  .sort()
const FUNCTIONS = readdirSync('migrations/functions', { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.sql'))
  .map(file => basename(file, '.sql'))
  .sort()
const NOTHING = { applied: [], functions: [] }

const kinds = serverKinds()
describe.each(kinds)('migrations on the $kind server', ({ available, start }) => {
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

    async function open(url: string): Promise<Database> {
      const database = await openDatabase({ url })
      databases.push(database)
      return database
    }

    test('applies every file once, in order, and then has nothing to do', async () => {
      const database = await open(await server.freshUrl())
      expect((await migrationStatus(database)).map(state => state.appliedAt)).toEqual(FILES.map(() => null))
      const first = await migrate(database)
      expect({ ...first, functions: first.functions.toSorted() }).toEqual({ applied: FILES, functions: FUNCTIONS })
      expect(await migrate(database)).toEqual(NOTHING)
      expect(await migrate(database, { verify: true })).toEqual(NOTHING)
      const status = await migrationStatus(database)
      expect(status.map(state => state.name)).toEqual(FILES)
      expect(status.every(state => state.appliedAt instanceof Date)).toBe(true)
    })

    test('is applied by exactly one of ten processes that start at once', async () => {
      const url = await server.freshUrl()
      const script = `
        import { openDatabase } from ${JSON.stringify(builtFile('db/connection.js'))}
        import { migrate } from ${JSON.stringify(builtFile('db/migrate.js'))}
        const database = await openDatabase({ url: process.argv[1], connectTimeoutMs: 60000 })
        console.log((await migrate(database)).applied.length)
        await database.close()`
      const outputs = await Promise.all(
        Array.from({ length: 10 }, async () => {
          const child = spawn(process.execPath, ['--input-type=module', '-e', script, url], {
            stdio: ['ignore', 'pipe', 'inherit'],
          })
          let output = ''
          child.stdout.on('data', text => {
            output += text
          })
          const [code] = await once(child, 'close')
          expect(code).toBe(0)
          return Number(output)
        }),
      )
      expect(outputs.sort((a, b) => a - b)).toEqual([...Array(9).fill(0), FILES.length])
    })

    test('is applied by exactly one of ten pools that start at once', async () => {
      const url = await server.freshUrl()
      const pools = await Promise.all(Array.from({ length: 10 }, () => open(url)))
      const results = await Promise.all(pools.map(pool => migrate(pool)))
      expect(results.flatMap(result => result.applied)).toEqual(FILES)
    })

    test('keeps the models, labels and scores of a database whose functions were older', async () => {
      const database = await open(await server.freshUrl())
      const before = olderMigrations()
      await migrate(database, before)
      before.close()
      await database.query("select register_model('clip-test', 'fp32', 'abc', 2, 100)")
      await database.query("insert into photos (photo_id, photo_image_url) values ('a', 'x'), ('b', 'x'), ('c', 'x')")
      await database.query("insert into label_sets values (1, 'space', 'A photo taken {label}', '{indoor,outdoor}')")
      await database.query(
        "insert into label_prompts values (1, 'space', 1, 'indoor', 'p', '[0.6,0.8]'), (1, 'space', 2, 'outdoor', 'q', '[0.8,0.6]')",
      )
      await database.query(
        "insert into embeddings values (1, 'a', '[0.7,0.71]'), (1, 'b', '[0.72,0.7]'), (1, 'c', '[1,0]')",
      )
      const label = async () =>
        (await database.query<{ n: number }>("select label_batch(1, 'space', '{a,b}') as n"))[0]!.n
      const labels = () => database.query('select photo_id, label, score, scores from label_rows order by photo_id')
      expect(await label()).toBe(2)
      const labelled = await labels()

      expect(await migrate(database)).toMatchObject({ applied: [] })
      expect(await labels()).toEqual(labelled)
      expect(await database.query('select logit_scale, scoring, logit_bias from models')).toEqual([
        { logit_scale: 100, scoring: 'softmax', logit_bias: 0 },
      ])
      // The same model registers as before, and what is labelled anew gets the very same scores.
      const ingest = new PostgresIngestRepository(database)
      expect(await ingest.registerModel(aModel({ dimension: 2 }))).toBe(1)
      expect(await database.query("select register_model('clip-test', 'fp32', 'abc', 2, 100) as id")).toEqual([
        { id: 1 },
      ])
      expect(await label()).toBe(0)
      await database.query('delete from label_rows')
      expect(await label()).toBe(2)
      expect(await labels()).toEqual(labelled)
      expect(await new PostgresLabelRepository(database).labelPhotos(1, 'space')).toBe(1)
    })

    describe('with other files', () => {
      const folder = mkdtempSync(join(tmpdir(), 'uc-migrations-'))
      afterAll(() => rmSync(folder, { recursive: true }))

      test('refuses a file that was edited after it was applied, and names it', async () => {
        const database = await open(await server.freshUrl())
        cpSync('migrations', folder, { recursive: true })
        await migrate(database, { folder })
        appendFileSync(join(folder, '0002_dataset_tables.sql'), '\n-- edited\n')
        await expect(migrate(database, { folder })).rejects.toMatchObject({
          code: 'MIGRATION_FAILED',
          message: expect.stringContaining('0002_dataset_tables.sql was edited'),
        })
        await expect(migrationStatus(database, folder)).rejects.toMatchObject({ code: 'MIGRATION_FAILED' })
      })

      test('refuses a database that a newer version migrated', async () => {
        const database = await open(await server.freshUrl())
        cpSync('migrations', folder, { recursive: true })
        writeFileSync(join(folder, '9999_future.sql'), 'create table future ()')
        await migrate(database, { folder })
        await expect(migrate(database)).rejects.toMatchObject({
          code: 'MIGRATION_FAILED',
          message: expect.stringContaining('9999_future'),
        })
        rmSync(join(folder, '9999_future.sql'))
      })

      test('changes nothing when one of the files fails, and names it', async () => {
        const database = await open(await server.freshUrl())
        cpSync('migrations', folder, { recursive: true })
        writeFileSync(join(folder, '9999_wrong.sql'), 'create table half (); select 1/0')
        await expect(migrate(database, { folder })).rejects.toMatchObject({
          code: 'MIGRATION_FAILED',
          message: expect.stringContaining('9999_wrong.sql failed'),
        })
        const [row] = await database.query<{ photos: string | null; half: string | null }>(
          `select to_regclass('photos')::text as photos, to_regclass('half')::text as half`,
        )
        expect(row).toEqual({ photos: null, half: null })
        rmSync(join(folder, '9999_wrong.sql'))
      })
    })
  })
})

describe('migrations on a server that is too old', () => {
  const answering = (versions: object): Database => {
    const query = async (sql: string): Promise<object[]> => {
      if (sql.includes('to_regclass')) return [{ present: false }]
      return sql.includes('server_version') ? [versions] : []
    }
    return { query, transaction: (work: (session: object) => unknown) => work({ query }) } as unknown as Database
  }
  const good = {
    database: 'photos',
    user: 'me',
    server_number: 150_004,
    server: '15.4',
    installed: '0.8.0',
    available: '0.8.0',
  }

  test.each([
    ['Postgres 14', { server_number: 140_010, server: '14.10' }, /Expected Postgres 15 or newer, found 14\.10/],
    [
      'no pgvector',
      { installed: null, available: null },
      /found none on this server\. The administrator of the server installs it \(.*postgresql-15-pgvector.*\)\. Then run this command again; .* a superuser runs in photos: create extension if not exists vector$/,
    ],
    [
      'pgvector 0.7 in the database',
      { installed: '0.7.4' },
      /found 0\.7\.4 in the database photos\. The owner of the extension, or a superuser, runs in photos: alter extension vector update$/,
    ],
    [
      'pgvector 0.7 in the database and on the server',
      { installed: '0.7.4', available: '0.7.4' },
      /The administrator of the server upgrades it \(.*\)\. The owner of the extension.*alter extension vector update$/,
    ],
    [
      'pgvector 0.5 on the server',
      { installed: null, available: '0.5.1' },
      /found 0\.5\.1 on this server\. The administrator of the server upgrades it/,
    ],
  ])('says what to install: %s', async (_, versions, message) => {
    await expect(migrate(answering({ ...good, ...versions }))).rejects.toMatchObject({
      code: 'DATABASE_TOO_OLD',
      message: expect.stringMatching(message),
    })
  })
})
