import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../src/db/connection.js'
import { psqlTable } from '../support/psql-table.js'
import { serverKinds, type TestServer } from '../support/servers/postgres.js'
import { fillForDocs } from './sql-docs-data.js'

/** A `sql` block, and the `text` block that may follow it: what psql shows, or the error after `ERROR:  `. */
const EXAMPLES = [
  ...readFileSync('docs/reference/sql.md', 'utf8').matchAll(/^```sql\n(.*?)^```\n(?:\n*^```text\n(.*?)^```$)?/gms),
].map(([, sql, output]) => ({ sql: sql!, output: output?.trimEnd() }))
const ERROR = /^ERROR: {2}/

const kinds = serverKinds()
describe.each(kinds)('the examples of docs/reference/sql.md on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      await fillForDocs(database)
    })
    afterAll(() => server?.close())

    test.each(EXAMPLES)('run and give what is shown: $sql', async ({ sql, output }) => {
      if (output === undefined) {
        const rows = await database.query(sql)
        if (/^(select|with)/.test(sql)) expect(rows.length).toBeGreaterThan(0)
      } else if (ERROR.test(output)) {
        // The page wraps long messages.
        const message = output.replace(ERROR, '').replaceAll(/\n */g, ' ')
        await expect(database.pool.query(sql)).rejects.toMatchObject({ message })
      } else {
        expect(await psqlTable(database, sql)).toBe(output)
      }
    })

    test('describes every function and table in the database', async () => {
      expect(
        await database.query(`
          select proname as name from pg_proc
           where pronamespace = current_schema()::regnamespace and obj_description(oid, 'pg_proc') is null
             and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')
          union all
          select relname from pg_class
           where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v') and not relispartition
             and obj_description(oid, 'pg_class') is null and relname <> 'schema_migrations'`),
      ).toEqual([])
    })
  })
})
