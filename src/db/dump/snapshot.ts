import { AppError } from '../../domain/errors.js'
import { VERSION } from '../../version.js'
import type { Database, Session } from '../connection.js'
import { readLedger } from '../schema/ledger.js'
import { readMigrationFiles } from '../schema/migration-files.js'
import { type BackedUpIndex, type BackupHeader, newHeader } from './backup-format.js'
import { copiedTables, quoted, sequenceValues } from './copied-tables.js'
import { type CopySession, inCopyTransaction } from './copy-client.js'
import { tableBytes } from './table-chunks.js'

const BEGIN = 'begin isolation level repeatable read, read only'
const SERVER = 'select version() as version'
/** Ready vector indexes under the names that "index build" gives them. */
const INDEXES = `
  select m.id as "modelId", a.amname as method, coalesce(i.reloptions, '{}') as options
    from models m
    join pg_index x on x.indrelid = to_regclass('embeddings_m' || m.id) and x.indisvalid
    join pg_class i on i.oid = x.indexrelid
    join pg_am a on a.oid = i.relam and i.relname = 'embeddings_m' || m.id || '_' || a.amname
   where a.amname in ('ivfflat', 'hnsw')
   order by m.id, a.amname`

/** A database as one moment sees it. */
export interface Snapshot {
  session: CopySession
  header: BackupHeader
  /** On the disk. */
  bytes: { all: number; tables: ReadonlyMap<string, number> }
}

/**
 * Runs work on a snapshot of a database, of whatever version its schema is.
 * @throws AppError MIGRATION_FAILED when a newer version made it; NOT_FOUND when it is no database of this program
 */
export function withSnapshot<T>(database: Database, work: (snapshot: Snapshot) => Promise<T>): Promise<T> {
  return inCopyTransaction(database, BEGIN, async session => {
    const header = await headerOf(session, database.location)
    const names = header.tables.map(({ name }) => quoted(name))
    // No partition is dropped meanwhile.
    await session.query(`lock table ${names.join(', ')} in access share mode`)
    const tables = new Map<string, number>()
    for (const table of header.tables) tables.set(table.name, await tableBytes(session, table))
    const all = [...tables.values()].reduce((sum, size) => sum + size, 0)
    return work({ session, header, bytes: { all: Math.max(1, all), tables } })
  })
}

async function headerOf(session: Session, location: string): Promise<BackupHeader> {
  const files = readMigrationFiles()
  const { tables: applied } = await readLedger(session)
  if (applied.length === 0)
    throw new AppError(
      'NOT_FOUND',
      `Expected a database of unsplash-clip at ${location}, found none of its tables. Check DATABASE_URL and UNSPLASH_CLIP_HOME.`,
    )
  const known = new Set(files.tables.map(({ name }) => name))
  const unknown = applied.find(({ name }) => !known.has(name))
  if (unknown !== undefined)
    throw new AppError(
      'MIGRATION_FAILED',
      `The database was migrated by a newer version of unsplash-clip than this one, ${VERSION}: ${unknown.name} is not among its migrations. Upgrade unsplash-clip.`,
    )
  const [server] = await session.query<{ version: string }>(SERVER)
  return newHeader({
    server: server!.version,
    migrations: applied.map(({ name, sha256 }) => ({ name, sha256 })),
    tables: await copiedTables(session, files),
    sequences: await sequenceValues(session, files),
    indexes: await session.query<BackedUpIndex & Record<string, unknown>>(INDEXES),
  })
}
