import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../domain/errors.js'
import { packageRoot } from '../package-root.js'
import type { Database, Session } from './connection.js'
import { isForbidden } from './errors.js'

/** Key of the advisory lock under which one process at a time migrates. Any number of our own: the bytes of "clip". */
const LOCK_KEY = 0x636c6970
const LEAST_SERVER_VERSION = 150_000
const LEAST_PGVECTOR = [0, 8] as const

export interface MigrationState {
  name: string
  /** Null when it is still to be applied. */
  appliedAt: Date | null
}

interface Migration {
  /** The file's name without `.sql`; they are applied in the order of their names. */
  name: string
  sql: string
  sha256: string
}

interface Applied extends Record<string, unknown> {
  name: string
  sha256: string
  applied_at: Date
}

const HAS_LEDGER = `select to_regclass('schema_migrations') is not null as present`
const READ_LEDGER = 'select name, sha256, applied_at from schema_migrations order by name'
const CREATE_LEDGER = `
  create table if not exists schema_migrations (
    name text primary key,
    sha256 text not null,
    applied_at timestamptz not null default clock_timestamp()
  )`
const ADD_TO_LEDGER = 'insert into schema_migrations (name, sha256) values ($1, $2)'
const VERSIONS = `
  select current_setting('server_version_num')::int as server_number,
         current_setting('server_version') as server,
         (select extversion from pg_extension where extname = 'vector') as installed,
         (select default_version from pg_available_extensions where name = 'vector') as available`

/**
 * Brings the schema up to date: all missing migrations in one transaction under an advisory lock, so that any number of
 * processes may start at once. Does nothing, and takes no lock, when there is nothing to apply.
 * @param folder where the migrations are; the package's own unless told
 * @returns names of the migrations that this call applied
 * @throws AppError MIGRATION_FAILED (an applied file was edited, or a statement failed), DATABASE_TOO_OLD
 */
export async function migrate(database: Database, folder?: string): Promise<{ applied: string[] }> {
  const migrations = readMigrations(folder)
  const behind = missing(migrations, await readLedger(database))
  if (behind.length === 0) return { applied: [] }
  try {
    return await applyAll(database, migrations)
  } catch (error) {
    throw isForbidden(rootOf(error)) ? schemaBehind(behind, error) : error
  }
}

function applyAll(database: Database, migrations: readonly Migration[]): Promise<{ applied: string[] }> {
  // Builds indexes, and waits for whoever does it: nothing that a limit of time may cut.
  const work = async (session: Session) => {
    await session.query('select pg_advisory_xact_lock($1)', [LOCK_KEY])
    await checkVersions(session)
    await session.query(CREATE_LEDGER)
    const applied: string[] = []
    for (const migration of missing(migrations, await readLedger(session))) {
      await apply(session, migration)
      applied.push(migration.name)
    }
    return { applied }
  }
  return database.transaction(work, { unlimited: true })
}

/** Every migration in order, with the time at which it was applied to this database. */
export async function migrationStatus(database: Database, folder?: string): Promise<MigrationState[]> {
  const migrations = readMigrations(folder)
  const ledger = await readLedger(database)
  missing(migrations, ledger)
  const appliedAt = new Map(ledger.map(row => [row.name, row.applied_at]))
  return migrations.map(({ name }) => ({ name, appliedAt: appliedAt.get(name) ?? null }))
}

function readMigrations(folder = join(packageRoot(), 'migrations')): Migration[] {
  const files = readdirSync(folder).filter(file => /^\d{4}_\w+\.sql$/.test(file))
  return files.sort().map(file => {
    const sql = readFileSync(join(folder, file), 'utf8')
    return { name: file.slice(0, -'.sql'.length), sql, sha256: createHash('sha256').update(sql).digest('hex') }
  })
}

async function readLedger(session: Session): Promise<Applied[]> {
  const [ledger] = await session.query<{ present: boolean }>(HAS_LEDGER)
  return ledger!.present ? session.query<Applied>(READ_LEDGER) : []
}

/** What is still to be applied. Throws when what was applied is not what the files say. */
function missing(migrations: readonly Migration[], ledger: readonly Applied[]): Migration[] {
  const known = new Map(migrations.map(migration => [migration.name, migration]))
  for (const { name, sha256 } of ledger) {
    const file = known.get(name)
    if (file === undefined)
      throw new AppError(
        'MIGRATION_FAILED',
        `The database was migrated by a newer version: ${name} is not among the migrations of this one. Upgrade unsplash-clip.`,
      )
    if (file.sha256 !== sha256)
      throw new AppError(
        'MIGRATION_FAILED',
        `Migration ${name}.sql was edited after it was applied to this database. Restore the file and append a new migration instead.`,
      )
  }
  const applied = new Set(ledger.map(row => row.name))
  return migrations.filter(migration => !applied.has(migration.name))
}

async function apply(session: Session, migration: Migration): Promise<void> {
  try {
    await session.query(migration.sql)
  } catch (error) {
    throw new AppError(
      'MIGRATION_FAILED',
      `Migration ${migration.name}.sql failed, and nothing was changed: ${(error as Error).message}`,
      { cause: error },
    )
  }
  await session.query(ADD_TO_LEDGER, [migration.name, migration.sha256])
}

/** A worker's or a reader's user may use the schema, not change it. */
function schemaBehind(behind: readonly Migration[], cause: unknown): AppError {
  const names = behind.map(migration => migration.name).join(', ')
  return new AppError(
    'MIGRATION_FAILED',
    `The schema of the database is behind, ${names} missing, and the user of DATABASE_URL may not change it (${(rootOf(cause) as Error).message}). Run as the owner of the schema: unsplash-clip db migrate`,
    { cause },
  )
}

function rootOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? rootOf(error.cause) : error
}

interface Versions extends Record<string, unknown> {
  server_number: number
  server: string
  installed: string | null
  available: string | null
}

async function checkVersions(session: Session): Promise<void> {
  const [versions] = await session.query<Versions>(VERSIONS)
  const { server_number, server, installed, available } = versions!
  if (server_number < LEAST_SERVER_VERSION)
    throw new AppError('DATABASE_TOO_OLD', `Postgres 15 or newer is needed, this is ${server}. Upgrade the server.`)
  if (installed === null && available === null)
    throw new AppError(
      'DATABASE_TOO_OLD',
      'pgvector 0.8 or newer is needed, and this server has none. Install it there (Debian: postgresql-NN-pgvector; image: pgvector/pgvector).',
    )
  if (!isRecentEnough(installed ?? available!))
    throw new AppError(
      'DATABASE_TOO_OLD',
      `pgvector 0.8 or newer is needed, this database has ${installed ?? available}. Upgrade it on the server, then run: alter extension vector update`,
    )
  if (installed === null) await session.query('create extension if not exists vector')
}

function isRecentEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > LEAST_PGVECTOR[0] || (major === LEAST_PGVECTOR[0] && minor >= LEAST_PGVECTOR[1])
}
