import { AppError } from '../../domain/errors.js'
import type { Session } from '../connection.js'
import type { MigrationFiles } from '../schema/migration-files.js'
import { sequenceNames, tableNames } from './copied-tables.js'

const LEDGER = ['schema_migrations', 'schema_functions']
const SHOWN = 5

/** `to_regclass` follows the search path, as the statements of the program do. */
const SCHEMAS = `
  select current_schema() as schema, current_setting('search_path') as path,
         (select min(n.nspname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where c.oid in (to_regclass('schema_migrations'), to_regclass('schema_functions'))
             and n.nspname is distinct from current_schema()) as "otherSchema"`
/** Other programs, too, call a table schema_migrations. */
const HAS_LEDGER = `
  select count(*) = 2 as "hasLedger" from pg_attribute a join pg_class c on c.oid = a.attrelid
   where c.oid = to_regclass('schema_migrations') and a.attname in ('name', 'sha256') and not a.attisdropped`
const APPLIED = 'select name from schema_migrations'
const PRESENT = `
  select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where n.nspname = current_schema() and c.relname = any ($1) order by c.relname`

/** What the migrations of this program created in a database. */
export interface OwnTables {
  schema: string
  /** With the ledger. */
  tables: string[]
  /** Without those of identity columns. */
  sequences: string[]
}

/**
 * Returns what this program created in the schema where tables are created; null: nothing.
 * @throws AppError DATABASE_NOT_EMPTY when another program has tables of the same names there, or when the search path
 * leads to a ledger in another schema
 */
export async function ownTables(session: Session, files: MigrationFiles): Promise<OwnTables | null> {
  const [found] = await session.query<{ schema: string; path: string; otherSchema: string | null }>(SCHEMAS)
  const { schema, path, otherSchema } = found!
  if (otherSchema !== null)
    throw notEmpty(`found one in the schema ${otherSchema}, to which the search_path leads: ${path}`)
  const applied = await appliedFiles(session, files)
  const tables = applied.tables.length > 0 ? [...tableNames(applied), ...LEDGER] : []
  const sequences = sequenceNames(applied)
  const names = [...tableNames(files), ...sequenceNames(files), ...LEDGER]
  const present = await session.query<{ name: string }>(PRESENT, [names])
  const own = new Set([...tables, ...sequences])
  const foreign = present.map(({ name }) => name).filter(name => !own.has(name))
  if (foreign.length > 0) throw notEmpty(`found tables of another program in the schema ${schema}: ${listed(foreign)}`)
  return tables.length === 0 ? null : { schema, tables, sequences }
}

/** The migrations that the ledger of a database names. */
async function appliedFiles(session: Session, files: MigrationFiles): Promise<MigrationFiles> {
  const [ledger] = await session.query<{ hasLedger: boolean }>(HAS_LEDGER)
  const rows = ledger!.hasLedger ? await session.query<{ name: string }>(APPLIED) : []
  const names = new Set(rows.map(({ name }) => name))
  return { tables: files.tables.filter(({ name }) => names.has(name)), functions: [] }
}

/** @param found follows "Expected a new database, or one without photos, " */
export function notEmpty(found: string): AppError {
  return new AppError(
    'DATABASE_NOT_EMPTY',
    `Expected a new database, or one without photos, ${found}. Nothing was changed. Use a new one: on a server create it and set DATABASE_URL to it; for the embedded server set UNSPLASH_CLIP_HOME to a new folder.`,
  )
}

/** Names the first ones. */
export const listed = (items: readonly string[]): string =>
  `${items.slice(0, SHOWN).join(', ')}${items.length > SHOWN ? ` and ${items.length - SHOWN} more tables` : ''}`
