import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { functionStatus, migrate, migrationStatus } from '../../../src/db/migrate.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { describeSchema } from './describe-schema.js'
import { OtherMigrations } from './older-migrations.js'

const kinds = serverKinds()
describe.each(kinds)('functions and views on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    const others: OtherMigrations[] = []
    beforeAll(async () => {
      server = await start()
    })
    afterEach(() => {
      for (const other of others.splice(0)) other.close()
    })
    afterAll(() => server?.close())

    async function fresh(): Promise<Database> {
      database = await server.freshDatabase()
      return database
    }

    function other(): OtherMigrations {
      const migrations = new OtherMigrations()
      others.push(migrations)
      return migrations
    }

    const wrong = async () => (await functionStatus(database)).filter(({ state }) => state !== 'current')

    test('are applied again when their files change, and only those', async () => {
      await fresh()
      const changed = other().edit('functions/filters/distance_km.sql', [/6371\.0088/g, '6371'])
      expect(await migrate(database, changed)).toEqual({ applied: [], functions: ['distance_km'] })
      const [row] = await database.query<{ km: number }>('select distance_km(0, 0, 0, 180) as km')
      expect(row!.km).toBeCloseTo(6371 * Math.PI, 6)
      expect(await migrate(database, changed)).toEqual({ applied: [], functions: [] })
      expect(await wrong()).toEqual([{ name: 'distance_km', state: 'pending' }])
    })

    test('keep the rights that were given on them when they are replaced', async () => {
      await fresh()
      await database.query('revoke execute on function distance_km from public')
      const rights = `select proacl::text from pg_proc where proname = 'distance_km'`
      const before = await database.query(rights)
      await migrate(database, other().edit('functions/filters/distance_km.sql', [/6371\.0088/g, '6371']))
      expect(await database.query(rights)).toEqual(before)
    })

    test('are dropped when their files are gone', async () => {
      await fresh()
      const removed = other().remove('functions/facets/search_facets.sql')
      await migrate(database, removed)
      expect(await database.query(`select from pg_proc where proname = 'search_facets'`)).toEqual([])
      expect((await migrate(database)).functions).toEqual(['search_facets'])
    })

    test('are not dropped while an object of the user needs them; the error names it, and nothing is changed', async () => {
      await fresh()
      await database.query('create view my_photos as select photo_id, label from photo_labels')
      const before = await describeSchema(database)
      const changed = other()
        .edit('functions/views/photo_labels.sql', [' score,', ' score::double precision,'])
        .edit('functions/filters/distance_km.sql', [/6371\.0088/g, '6371'])
      await expect(migrate(database, changed)).rejects.toMatchObject({
        code: 'MIGRATION_FAILED',
        message: expect.stringMatching(
          /photo_labels\.sql changes .*view my_photos depends on .*unsplash-clip db migrate/,
        ),
      })
      expect(await describeSchema(database)).toEqual(before)
    })

    test('leave a function of the user alone that has the name of one but other parameters', async () => {
      await fresh()
      await database.query(
        'create function distance_km(kilometres integer) returns integer language sql as $$ select $1 $$',
      )
      const changed = other().edit(
        'functions/filters/distance_km.sql',
        [/6371\.0088/g, '6371'],
        ['comment on function distance_km is', 'comment on function distance_km(float8, float8, float8, float8) is'],
      )
      expect((await migrate(database, changed)).functions).toEqual(['distance_km'])
      expect(await database.query('select distance_km(7) as km')).toEqual([{ km: 7 }])
    })

    test('that are missing or different are found, and db migrate brings them back', async () => {
      await fresh()
      const expected = await describeSchema(database)
      await database.query('drop function search_photos')
      await database.query('drop view labelled_photos')
      await database.query('drop trigger words_of_new_photos on photos')
      await database.query(
        `create or replace function distance_km(
           latitude_a double precision, longitude_a double precision, latitude_b double precision, longitude_b double precision
         ) returns double precision language sql immutable strict parallel safe as 'select 1.0::double precision'`,
      )
      await database.query('alter function write_photo_texts reset jit')
      await database.query(`create or replace view open_batches as
        select ''::text as batch_id, ''::text as run_id, ''::text as model, 0 as model_id, 0 as photos`)
      expect(await wrong()).toEqual([
        { name: 'distance_km', state: 'changed' },
        { name: 'labelled_photos', state: 'missing' },
        { name: 'open_batches', state: 'changed' },
        { name: 'photos_changed_words', state: 'changed' },
        { name: 'search_photos', state: 'missing' },
        { name: 'write_photo_texts', state: 'changed' },
      ])
      expect((await migrate(database, { verify: true })).functions).toHaveLength(6)
      expect(await wrong()).toEqual([])
      expect(await describeSchema(database)).toEqual(expected)
    })

    test('count as expected with the rights that infra/sql/roles.sql gives them', async () => {
      await fresh()
      await database.query('alter function register_model security definer')
      await database.query('alter function register_model set search_path = public, pg_temp')
      expect(await wrong()).toEqual([])
    })

    test('are not taken back by an older version of the program', async () => {
      await fresh()
      await database.query(
        `update schema_functions set applied_by = '0.10.0', sha256 = '' where name = 'search_photos'`,
      )
      await expect(migrate(database)).rejects.toMatchObject({
        code: 'MIGRATION_FAILED',
        message: expect.stringMatching(/newer version .* search_photos was applied by version 0\.10\.0\. Upgrade/),
      })
    })

    test('are refused where two files define one, or a file defines another', async () => {
      await fresh()
      const twice = other().write(
        'functions/distance_km.sql',
        'create or replace function distance_km() returns integer …',
      )
      await expect(migrate(database, twice)).rejects.toThrow(/distance_km is already defined in /)
      const misnamed = other().write('functions/far.sql', 'create or replace function distant() returns integer …')
      await expect(migrate(database, misnamed)).rejects.toThrow(/far\.sql: expected one .* of far, found distant/)
      const circle = other().edit('functions/views/photo_labels.sql', [/^/, '-- requires: labelled_photos\n'])
      await expect(migrate(database, circle)).rejects.toThrow(/requires itself: \w+ > \w+ > \w+/)
      const unknown = other().edit('functions/views/photo_labels.sql', [/^/, '-- requires: nowhere\n'])
      await expect(migrate(database, unknown)).rejects.toThrow(/requires nowhere, which no file defines/)
    })

    test('are never mixed with the tables of a build from before 0.1.0', async () => {
      database = await openDatabase({ url: await server.freshUrl() })
      try {
        await database.query(
          'create table schema_migrations (name text primary key, sha256 text, applied_at timestamptz)',
        )
        await database.query(
          `insert into schema_migrations values ('0001_tables', '', now()), ('0002_ingest', '', now())`,
        )
        const refusal = {
          code: 'MIGRATION_FAILED',
          message: expect.stringMatching(/before version 0\.1\.0.*Nothing was changed\. Use a new database.*ingest/),
        }
        for (const ask of [migrate, migrationStatus, functionStatus])
          await expect(ask(database)).rejects.toMatchObject(refusal)
        await expect(migrate(database, { verify: true })).rejects.toMatchObject(refusal)
        expect(await database.query(`select to_regclass('photos') as photos`)).toEqual([{ photos: null }])
      } finally {
        await database.close()
      }
    })
  })
})
