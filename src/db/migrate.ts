import { AppError } from '../domain/errors.js'
import { errorMessage } from '../domain/text/error-text.js'
import { VERSION } from '../version.js'
import type { Database, Session } from './connection.js'
import { isForbidden, isOutage } from './errors.js'
import { applyFunctions } from './schema/apply-functions.js'
import { fingerprintsOf } from './schema/catalog.js'
import { type AppliedFunction, createLedger, type Ledger, readLedger, recordTables } from './schema/ledger.js'
import { type FunctionFile, type MigrationFiles, readMigrationFiles, type TableFile } from './schema/migration-files.js'

/** Key of the advisory lock of migrations. Arbitrary number: the bytes of "clip". */
const LOCK_KEY = 0x636c6970
const LEAST_SERVER_VERSION = 150_000
const LEAST_PGVECTOR = [0, 8] as const
/** First migration of the builds before 0.1.0, whose history ends there. */
const UNRELEASED = '0001_tables'

export interface MigrationState {
  name: string
  /** Null when it is pending. */
  appliedAt: Date | null
}

export interface FunctionState {
  name: string
  /**
   * pending: its file is not applied yet, or changed since; the next command applies it. missing, changed: the database
   * differs from the applied file, for example after an incomplete restore; only `db migrate` checks this.
   */
  state: 'current' | 'pending' | 'missing' | 'changed'
}

export interface Migrated {
  /** Applied numbered files. */
  applied: string[]
  /** Created or replaced functions and views. */
  functions: string[]
}

/** Pending work per kind. */
interface Behind {
  tables: TableFile[]
  /** Names of files to apply. */
  functions: Set<string>
  /** Names of functions and views without a file. */
  removed: string[]
}

const VERSIONS = `
  select current_setting('server_version_num')::int as server_number,
         current_setting('server_version') as server,
         current_database() as database, current_user as "user",
         (select extversion from pg_extension where extname = 'vector') as installed,
         (select default_version from pg_available_extensions where name = 'vector') as available`
const CREATE_EXTENSION = 'create extension if not exists vector'
const SERVER_VERSION = `select current_setting('server_version_num')::integer / 10000 as version`

/**
 * Brings the schema up to date: applies all missing tables, and all functions and views whose files changed, in one
 * transaction under an advisory lock, so that any number of processes may start at once. Without pending work it takes
 * no lock.
 * @param options `folder`: of the migrations, instead of the package's own. `verify`: also compares the functions and
 * views in the database with the applied ones, and repairs missing or different ones
 * @returns the work of this call
 * @throws AppError MIGRATION_FAILED (an applied file was edited, a statement failed, or an unreleased build created the
 * database), DATABASE_TOO_OLD
 */
export async function migrate(
  database: Database,
  { folder, verify = false }: { folder?: string; verify?: boolean } = {},
): Promise<Migrated> {
  const files = readMigrationFiles(folder)
  const ledger = await readLedger(database)
  const behind = await compare(files, ledger, verify ? database : undefined)
  if (isEmpty(behind)) return { applied: [], functions: [] }
  try {
    return await applyAll(database, files, verify)
  } catch (error) {
    throw isForbidden(rootOf(error)) ? schemaBehind(behind, error) : error
  }
}

function applyAll(database: Database, files: MigrationFiles, verify: boolean): Promise<Migrated> {
  // Without timeout: this builds indexes, or waits for another process that does.
  return database.transaction(session => migrateInTransaction(session, files, { verify }), { unlimited: true })
}

/** Keeps others from migrating until the end of the transaction. */
export async function lockMigrations(session: Session): Promise<void> {
  await session.query('select pg_advisory_xact_lock($1)', [LOCK_KEY])
}

/** As {@link migrate}, in the caller's transaction. @param files may be those of an earlier state of the schema */
export async function migrateInTransaction(
  session: Session,
  files: MigrationFiles,
  { verify = false } = {},
): Promise<Migrated> {
  await lockMigrations(session)
  await checkVersions(session)
  await createLedger(session)
  const ledger = await readLedger(session)
  const behind = await compare(files, ledger)
  if (verify) for (const name of await damaged(session, ledger.functions)) behind.functions.add(name)
  for (const file of behind.tables) await apply(session, file)
  const functions = await applyFunctions(session, files.functions, ledger.functions, behind.functions)
  return { applied: behind.tables.map(file => file.name), functions }
}

/** Returns every numbered file in order, with its time of application to this database. */
export async function migrationStatus(database: Database, folder?: string): Promise<MigrationState[]> {
  const files = readMigrationFiles(folder)
  const ledger = await readLedger(database)
  await compare(files, ledger)
  const appliedAt = new Map(ledger.tables.map(row => [row.name, row.applied_at]))
  return files.tables.map(({ name }) => ({ name, appliedAt: appliedAt.get(name) ?? null }))
}

/** Returns every function and view by name, compared with the catalog of the database, not only with the ledger. */
export async function functionStatus(database: Database, folder?: string): Promise<FunctionState[]> {
  const files = readMigrationFiles(folder)
  return database.transaction(async session => {
    const ledger = await readLedger(session)
    const { functions: pending } = await compare(files, ledger)
    const found = await findDamage(session, ledger.functions)
    const stateOf = (name: string) => (pending.has(name) ? 'pending' : (found.get(name) ?? 'current'))
    const states = files.functions.map(({ name }): FunctionState => ({ name, state: stateOf(name) }))
    return states.sort((a, b) => (a.name < b.name ? -1 : 1))
  })
}

/**
 * Returns the pending work.
 * @param database if given, also checks its functions and views
 * @throws AppError when the applied files differ from the present ones
 */
async function compare({ tables, functions }: MigrationFiles, ledger: Ledger, database?: Database): Promise<Behind> {
  const behind = { tables: missing(tables, ledger.tables), ...changed(functions, ledger.functions) }
  if (database === undefined || ledger.functions.length === 0) return behind
  const names = await database.transaction(session => damaged(session, ledger.functions))
  for (const name of names) behind.functions.add(name)
  return behind
}

const isEmpty = ({ tables, functions, removed }: Behind): boolean =>
  tables.length + functions.size + removed.length === 0

/** Returns the names of functions and views that differ from their applied definition. */
async function damaged(session: Session, applied: readonly AppliedFunction[]): Promise<string[]> {
  return [...(await findDamage(session, applied)).keys()]
}

async function findDamage(
  session: Session,
  applied: readonly AppliedFunction[],
): Promise<Map<string, 'missing' | 'changed'>> {
  const [server] = await session.query<{ version: number }>(SERVER_VERSION)
  const signatures = applied.map(one => one.signature)
  const fingerprints = await fingerprintsOf(session, signatures)
  return new Map(
    applied.flatMap(({ name, signature, fingerprint, server_version }): [string, 'missing' | 'changed'][] => {
      const found = fingerprints.get(signature)
      if (found === undefined) return [[name, 'missing']]
      // Versions of Postgres print the same view differently.
      const isComparable = signature.endsWith(')') || server_version === server!.version
      return isComparable && found !== fingerprint ? [[name, 'changed']] : []
    }),
  )
}

function missing(tables: readonly TableFile[], ledger: Ledger['tables']): TableFile[] {
  const known = new Map(tables.map(file => [file.name, file]))
  for (const { name, sha256 } of ledger) {
    const file = known.get(name)
    if (file === undefined) throw name === UNRELEASED ? unreleased() : newer(`${name} is not among its migrations`)
    if (file.sha256 !== sha256)
      throw new AppError(
        'MIGRATION_FAILED',
        `Migration ${name}.sql was edited after it was applied to this database. Restore the file and append a new migration instead.`,
      )
  }
  const applied = new Set(ledger.map(row => row.name))
  return tables.filter(file => !applied.has(file.name))
}

function changed(
  files: readonly FunctionFile[],
  ledger: readonly AppliedFunction[],
): { functions: Set<string>; removed: string[] } {
  const digests = new Map(ledger.map(row => [row.name, row.sha256]))
  const present = new Set(files.map(file => file.name))
  const functions = new Set(files.filter(file => digests.get(file.name) !== file.sha256).map(file => file.name))
  const removed = ledger.map(row => row.name).filter(name => !present.has(name))
  // Two versions on one database must not replace each other's functions in turns, so the newer one wins.
  const other = ledger.find(row => isNewer(row.applied_by, VERSION))
  if (other !== undefined && functions.size + removed.length > 0)
    throw newer(`${other.name} was applied by version ${other.applied_by}`)
  return { functions, removed }
}

function isNewer(version: string, than: string): boolean {
  const numbers = (text: string) => text.split(/[.-]/, 3).map(Number)
  const [a, b] = [numbers(version), numbers(than)]
  const differing = a.findIndex((number, i) => number !== b[i])
  return differing >= 0 && a[differing]! > b[differing]!
}

function newer(evidence: string): AppError {
  return new AppError(
    'MIGRATION_FAILED',
    `The database was migrated by a newer version of unsplash-clip than this one, ${VERSION}: ${evidence}. Upgrade unsplash-clip.`,
  )
}

function unreleased(): AppError {
  return new AppError(
    'MIGRATION_FAILED',
    'The database was created by a build of unsplash-clip from before version 0.1.0, which this version cannot migrate. Nothing was changed. Use a new database: create one and set DATABASE_URL to it, or, for the embedded server, set UNSPLASH_CLIP_HOME to a new folder. Then run the same ingest commands again.',
  )
}

async function apply(session: Session, file: TableFile): Promise<void> {
  try {
    await session.query(file.sql)
  } catch (error) {
    if (isOutage(error)) throw error
    throw new AppError(
      'MIGRATION_FAILED',
      `Migration ${file.name}.sql failed, and nothing was changed: ${(error as Error).message}`,
      { cause: error },
    )
  }
  await recordTables(session, file)
}

/** Returns the error for users such as a worker's or a reader's, who may use the schema but not change it. */
function schemaBehind({ tables, functions, removed }: Behind, cause: unknown): AppError {
  const names = [...tables.map(file => file.name), ...functions, ...removed]
  const shown = names.length > 8 ? `${names.slice(0, 7).join(', ')} and ${names.length - 7} more` : names.join(', ')
  return new AppError(
    'MIGRATION_FAILED',
    `The schema of the database is behind, ${shown} missing, and the user of DATABASE_URL may not change it (${(rootOf(cause) as Error).message}). Run as the owner of the schema: unsplash-clip db migrate`,
    { cause },
  )
}

function rootOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? rootOf(error.cause) : error
}

interface Versions extends Record<string, unknown> {
  database: string
  user: string
  server_number: number
  server: string
  installed: string | null
  available: string | null
}

async function checkVersions(session: Session): Promise<void> {
  const [versions] = await session.query<Versions>(VERSIONS)
  const { server_number, server, installed, available } = versions!
  if (server_number < LEAST_SERVER_VERSION)
    throw new AppError('DATABASE_TOO_OLD', `Expected Postgres 15 or newer, found ${server}. Upgrade the server.`)
  if (!isRecentEnough(installed ?? available ?? '0')) throw pgvectorMissing(versions!)
  if (installed !== null) return
  try {
    await session.query(CREATE_EXTENSION)
  } catch (error) {
    throw isForbidden(error) ? extensionForbidden(versions!, error) : error
  }
}

/** Says who has to do what, in order: the administrator of the machine, then who may change the extension. */
function pgvectorMissing({ server_number, database, installed, available }: Versions): AppError {
  const major = Math.floor(server_number / 10_000)
  const packages = `Debian and Ubuntu: apt install postgresql-${major}-pgvector; container: the image pgvector/pgvector:pg${major}; managed service: its settings`
  const onMachine = available !== null && isRecentEnough(available)
  const found =
    installed !== null
      ? `${installed} in the database ${database}`
      : available !== null
        ? `${available} on this server`
        : 'none on this server'
  const steps = [
    ...(onMachine ? [] : [`The administrator of the server ${available ? 'upgrades' : 'installs'} it (${packages}).`]),
    installed !== null
      ? `The owner of the extension, or a superuser, runs in ${database}: alter extension vector update`
      : `Then run this command again; if the user may not create extensions, a superuser runs in ${database}: ${CREATE_EXTENSION}`,
  ]
  return new AppError(
    'DATABASE_TOO_OLD',
    `Expected the extension pgvector 0.8 or newer, found ${found}. ${steps.join(' ')}`,
  )
}

function extensionForbidden({ database, user }: Versions, error: unknown): AppError {
  const { hint } = error as { hint?: string }
  const found = `${errorMessage(error)}.${hint ? ` ${hint}` : ''}`
  // Without cause: the right that is missing is not one on the schema.
  return new AppError(
    'DATABASE_FORBIDDEN',
    `Expected the extension vector in the database ${database}, found that it is installed on the server, but not created there, and that the user ${user} may not do so: ${found} A superuser, or the administrator of a managed service, runs in ${database}: ${CREATE_EXTENSION}. Then run this command again.`,
  )
}

function isRecentEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > LEAST_PGVECTOR[0] || (major === LEAST_PGVECTOR[0] && minor >= LEAST_PGVECTOR[1])
}
