import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'

/** All clients share one session, so a setting of an earlier test would hold in the next. */
const EMPTY = `
  drop schema if exists bullmq cascade; drop schema public cascade; create schema public;
  reset all; set search_path = public, bullmq`

const OWN = `(select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema')`
const OWN_CLASSES = `(select oid from pg_class where relnamespace in ${OWN})`

/** Digest of everything but rows: objects, rights, settings. A change of a definition changes its row version. */
const DEFINITIONS = `
  select md5(string_agg(one, ',' order by one)) as digest from (
    select concat_ws(' ', 'class', oid, relname, relnamespace, relkind, relowner, relpersistence, relhastriggers,
      relrowsecurity, relreplident, relacl, reloptions, reltablespace, relam) from pg_class where relnamespace in ${OWN}
    union all select concat_ws(' ', 'namespace', oid, xmin) from pg_namespace
    union all select concat_ws(' ', 'procedure', oid, xmin) from pg_proc where pronamespace in ${OWN}
    union all select concat_ws(' ', 'type', oid, xmin) from pg_type where typnamespace in ${OWN}
    union all select concat_ws(' ', 'column', attrelid, attnum, xmin) from pg_attribute where attrelid in ${OWN_CLASSES}
    union all select concat_ws(' ', 'default', oid, xmin) from pg_attrdef
    union all select concat_ws(' ', 'constraint', oid, xmin) from pg_constraint
    union all select concat_ws(' ', 'trigger', oid, xmin) from pg_trigger
    union all select concat_ws(' ', 'rule', oid, xmin) from pg_rewrite where ev_class in ${OWN_CLASSES}
    union all select concat_ws(' ', 'policy', oid, xmin) from pg_policy
    union all select concat_ws(' ', 'sequence', seqrelid, xmin) from pg_sequence
    union all select concat_ws(' ', 'statistics', oid, xmin) from pg_statistic_ext
    union all select concat_ws(' ', 'extension', oid, xmin) from pg_extension
    union all select concat_ws(' ', 'event trigger', oid, xmin) from pg_event_trigger
    union all select concat_ws(' ', 'role', oid, xmin) from pg_authid
    union all select concat_ws(' ', 'setting', setdatabase, setrole, xmin) from pg_db_role_setting
    union all select concat_ws(' ', 'default rights', oid, xmin) from pg_default_acl
    union all select concat_ws(' ', 'comment', objoid, classoid, objsubid, description) from pg_description
      where classoid in ('pg_class'::regclass, 'pg_proc'::regclass) and objoid >= 16384
  ) as objects (one)`

/** The tables in which a migration writes rows. */
const WRITTEN = ['schema_migrations', 'schema_functions', 'text_language']
const ROWS = `
  select md5(concat_ws(',', ${WRITTEN.map(name => `(select string_agg(t::text, ',' order by t::text) from ${name} t)`)})) as digest`
const TABLES = `
  select string_agg(oid::regclass::text, ', ') as others, coalesce(sum(pg_relation_size(oid)), 0) as bytes from pg_class
  where relkind in ('r', 'p') and relnamespace in ${OWN} and relname <> all ($1)`
const SEQUENCES = `select oid::regclass::text as name from pg_class where relkind = 'S' and relnamespace in ${OWN}`
const FORGET_STATISTICS = `
  delete from pg_statistic where starelid in ${OWN_CLASSES}`

/**
 * Empties the database of an embedded server that tests use one after the other. Dropping and migrating takes seconds in
 * WebAssembly. So where the last test left all definitions as the migration made them, only the rows go.
 */
export class EmbeddedReset {
  readonly #record: string

  /** @param dataDir holds a note of the definitions beside the data */
  constructor(
    dataDir: string,
    private readonly url: string,
  ) {
    this.#record = join(dataDir, 'definitions')
  }

  /** To a database without anything. */
  async toNothing(): Promise<void> {
    rmSync(this.#record, { force: true })
    await this.#connected(client => client.query(EMPTY))
  }

  /**
   * To the schema without rows.
   * @returns false when somebody has to migrate, and call {@link remember} then: the database has nothing in it
   */
  async toSchema(): Promise<boolean> {
    const isBack = await this.#connected(async client => {
      if (!existsSync(this.#record)) return false
      await client.query('drop schema if exists bullmq cascade; reset all; set search_path = public, bullmq')
      const kept = readFileSync(this.#record, 'utf8')
      if ((await definitions(client)) !== kept) return false
      const { rows } = await client.query(TABLES, [WRITTEN])
      const sequences = await client.query(SEQUENCES)
      await client.query(
        [
          `truncate ${rows[0].others} restart identity`,
          ...sequences.rows.map(({ name }) => `alter sequence ${name} restart`),
          FORGET_STATISTICS,
        ].join(';'),
      )
      return true
    })
    if (!isBack) await this.toNothing()
    return isBack
  }

  /** Notes that the database holds the schema as a migration has just made it. */
  async remember(): Promise<void> {
    writeFileSync(this.#record, await this.#connected(definitions))
  }

  async #connected<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({ connectionString: this.url })
    await client.connect()
    try {
      return await work(client)
    } finally {
      await client.end()
    }
  }
}

async function definitions(client: pg.Client): Promise<string> {
  const { rows } = await client.query(DEFINITIONS)
  // Where one of the tables is missing the definitions differ already.
  const written = await client.query(ROWS).catch(() => ({ rows: [{ digest: 'none' }] }))
  return `${rows[0].digest} ${written.rows[0].digest}`
}
