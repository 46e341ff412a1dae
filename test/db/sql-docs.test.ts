import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '../../src/db/connection.js'
import { serverKinds, type TestServer } from '../support/postgres.js'
import { psqlTable } from '../support/psql-table.js'
import { fillForDocs } from './sql-docs-data.js'

/** A `sql` block, and the `text` block that may follow it: what psql shows, or the error after `ERROR:  `. */
const EXAMPLES = [
  ...readFileSync('docs/sql.md', 'utf8').matchAll(/^```sql\n(.*?)^```\n(?:\n*^```text\n(.*?)^```$)?/gms),
].map(([, sql, output]) => ({ sql: sql!, output: output?.trimEnd() }))
const ERROR = /^ERROR: {2}/

const kinds = serverKinds()
describe.each(kinds)('the examples of docs/sql.md on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let database: Database
    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      await fillForDocs(database)
    })
    afterAll(() => server?.close())

    it.each(EXAMPLES)('run and give what is shown: $sql', async ({ sql, output }) => {
      if (output === undefined) {
        const rows = await database.query(sql)
        if (/^(select|with)/.test(sql)) expect(rows.length).toBeGreaterThan(0)
      } else if (ERROR.test(output)) {
        await expect(database.pool.query(sql)).rejects.toMatchObject({ message: output.replace(ERROR, '') })
      } else {
        expect(await psqlTable(database, sql)).toBe(output)
      }
    })

    it('describes every function and table in the database', async () => {
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
