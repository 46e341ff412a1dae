import { formatCount } from '../../domain/text/format.js'
import type { Session } from '../connection.js'
import { sqlStateOf } from '../errors.js'
import { lockMigrations, migrateInTransaction } from '../migrate.js'
import { applyFunctions } from '../schema/apply-functions.js'
import { readLedger } from '../schema/ledger.js'
import type { MigrationFiles } from '../schema/migration-files.js'
import { copiedTables, quoted } from './copied-tables.js'
import { listed, notEmpty, type OwnTables, ownTables } from './own-tables.js'

const DEPENDENT_OBJECTS = '2BP01'
/** The migrations put one row in it. */
const SEEDED = new Set(['text_language'])

const MODELS = 'select id, dimension from models order by id'
const SET_SEQUENCE = `
  select setval(c.oid, $2::bigint, true) from pg_class c
   where c.relnamespace = current_schema()::regnamespace and c.relkind = 'S' and c.relname = $1`

/** Triggers that call the program's functions; Postgres copies them to partitions by itself. */
const OWN_TRIGGERS = `
  select format('drop trigger %I on %s', t.tgname, t.tgrelid::regclass) as drop
    from pg_trigger t join pg_proc p on p.oid = t.tgfoid
   where not t.tgisinternal and t.tgparentid = 0
     and p.pronamespace = current_schema()::regnamespace and p.proname = any ($1)`

/**
 * Makes the schema of a state of the migrations in a database without data of this program, without functions and
 * triggers: rows are to be copied into it. An empty schema of any state that this program made is dropped first.
 * @param wanted names of the numbered migrations of that state
 * @throws AppError DATABASE_NOT_EMPTY; as {@link migrateInTransaction}
 */
export async function makeSchema(session: Session, files: MigrationFiles, wanted: readonly string[]): Promise<void> {
  await lockMigrations(session)
  const own = await ownTables(session, files)
  if (own !== null) {
    await refuseRows(session, files)
    await dropSchema(session, own)
  }
  const names = new Set(wanted)
  await migrateInTransaction(session, { tables: files.tables.filter(({ name }) => names.has(name)), functions: [] })
  for (const table of SEEDED) await session.query(`delete from ${quoted(table)}`)
}

/** The partitions of embeddings, as the function register_model creates them, for the models that were copied. */
export async function makePartitions(session: Session): Promise<void> {
  for (const { id, dimension } of await session.query<{ id: number; dimension: number }>(MODELS)) {
    const name = `embeddings_m${id}`
    await session.query(`create table if not exists ${name} partition of embeddings for values in (${id})`)
    await session.query(`
      alter table ${name} drop constraint if exists ${name}_dimension, drop constraint if exists ${name}_unit_length,
        add constraint ${name}_dimension check (vector_dims(embedding) = ${dimension}),
        add constraint ${name}_unit_length check (l2_norm(embedding) between 0.999 and 1.001)`)
  }
}

/** Lets sequences go on where they were. */
export async function setSequences(session: Session, values: Readonly<Record<string, number | null>>): Promise<void> {
  for (const [name, value] of Object.entries(values))
    if (value !== null) await session.query(SET_SEQUENCE, [name, value])
}

async function refuseRows(session: Session, files: MigrationFiles): Promise<void> {
  const found: string[] = []
  for (const { name } of await copiedTables(session, files)) {
    if (SEEDED.has(name)) continue
    const [row] = await session.query<{ rows: number }>(`select count(*) as rows from ${quoted(name)}`)
    if (row!.rows > 0) found.push(`${formatCount(row!.rows)} in ${name}`)
  }
  if (found.length > 0) throw notEmpty(`found rows: ${listed(found)}`)
}

async function dropSchema(session: Session, { schema, tables, sequences }: OwnTables): Promise<void> {
  const ledger = await readLedger(session)
  try {
    const names = ledger.functions.map(({ name }) => name)
    for (const trigger of await session.query<{ drop: string }>(OWN_TRIGGERS, [names]))
      await session.query(trigger.drop)
    // Drops all of those whose files are not given.
    await applyFunctions(session, [], ledger.functions, new Set())
    const qualified = (name: string) => `${quoted(schema)}.${quoted(name)}`
    await session.query(`drop table if exists ${tables.map(qualified).join(', ')}`)
    for (const name of sequences) await session.query(`drop sequence if exists ${qualified(name)}`)
  } catch (error) {
    if (sqlStateOf(error) !== DEPENDENT_OBJECTS) throw error
    throw notEmpty(
      `found objects that depend on its tables (${(error as { detail?: string }).detail ?? (error as Error).message})`,
    )
  }
}
