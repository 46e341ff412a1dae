import { AppError } from '../../domain/errors.js'
import type { Database } from '../connection.js'
import { migrateInTransaction } from '../migrate.js'
import { assertOwnSession } from '../pooler.js'
import { type MigrationFiles, readMigrationFiles } from '../schema/migration-files.js'
import type { DumpProgress } from './backup.js'
import type { BackupHeader } from './backup-format.js'
import { type CopiedTable, LEFT_OUT, quoted } from './copied-tables.js'
import { type CopySession, inCopyTransaction } from './copy-client.js'
import { makePartitions, makeSchema, setSequences } from './new-schema.js'
import { finishTables } from './restore.js'
import { RowDigest } from './row-digest.js'
import { isSameDatabase } from './same-database.js'
import { type Snapshot, withSnapshot } from './snapshot.js'
import { digestTable, tableChunks, writeChunk } from './table-chunks.js'

/**
 * In the new database until the move is complete: a digest of the rows that each transaction wrote. A move that was
 * interrupted reads the source again from the start, and writes only what is missing or has changed since.
 */
const STATE_TABLE = 'unsplash_clip_move'
const STATE = `
  create table ${STATE_TABLE} (
    table_name text not null, number integer not null, rows bigint not null, digest text not null,
    migrations text[] not null, primary key (table_name, number));
  comment on table ${STATE_TABLE} is
    'An unfinished "unsplash-clip db move" into this database. The same command continues it.'`
const HAS_STATE = `
  select exists (
    select from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = current_schema() and c.relname = '${STATE_TABLE}') as "isUnfinished"`
const RECORDED = `select number, rows, digest from ${STATE_TABLE} where table_name = $1 and number > 0 order by number`
const RECORD = `insert into ${STATE_TABLE} (table_name, number, rows, digest, migrations) values ($1, $2, $3, $4, $5)`
const MIGRATIONS = `select migrations from ${STATE_TABLE} where number = 0`
const FORGET = `delete from ${STATE_TABLE} where table_name = any ($1)`

export interface MoveOptions {
  signal: AbortSignal
  onProgress(progress: DumpProgress): void
}

export interface Moved {
  header: BackupHeader
  /** Rows of each table. */
  rows: Record<string, number>
  /** Whether an interrupted move was continued. */
  continued: boolean
  /** Batches of unfinished runs. */
  openBatches: number
}

/**
 * Copies all tables of a database into a new or empty one, as one snapshot of the source sees them, and compares counts
 * and digests. The source stays as it is. After an interruption the same call continues. Vector indexes are left to the
 * caller.
 * @throws AppError USAGE for the same database, DATABASE_NOT_EMPTY, MOVE_FAILED, CONFIG_INVALID behind a pooler
 */
export async function moveDatabase(source: Database, target: Database, options: MoveOptions): Promise<Moved> {
  const release = await holdMove(target)
  try {
    if (await isSameDatabase(source, target)) throw same(target)
    const files = readMigrationFiles()
    const { header, continued, digests } = await withSnapshot(source, async snapshot => ({
      header: snapshot.header,
      continued: await prepare(target, files, snapshot.header),
      digests: await copyTables(snapshot, target, options),
    }))
    // The source is read. Whatever happens to its connection now is no failure of the move.
    const openBatches = await finish(target, files, header, digests, options)
    const rows = Object.fromEntries([...digests].map(([name, { rows }]) => [name, rows]))
    return { header, rows, continued, openBatches }
  } finally {
    await release()
  }
}

/** One move at a time into a database. The lock ends with its connection. */
async function holdMove(target: Database): Promise<() => Promise<void>> {
  const client = await target.pool.connect()
  client.on('error', () => undefined)
  const release = async () => client.release(true)
  try {
    await assertOwnSession(client, 'a move', target.location)
    const { rows } = await client.query<{ locked: boolean }>(
      `select pg_try_advisory_lock(hashtext('${STATE_TABLE}')) as locked`,
    )
    if (rows[0]!.locked) return release
  } catch (error) {
    await release()
    throw error
  }
  await release()
  throw new AppError('DATABASE_BUSY', `Another process is moving a database to ${target.location}. Wait for its end.`)
}

function same({ location }: Database): AppError {
  return new AppError(
    'USAGE',
    `--to expects another database than the present one, found the same one: ${location}. Nothing was changed. Create a new database, and name its address.`,
  )
}

/** Makes the schema, unless an interrupted move has made it. @returns whether one is continued */
function prepare(target: Database, files: MigrationFiles, header: BackupHeader): Promise<boolean> {
  return inCopyTransaction(target, 'begin', async session => {
    const wanted = header.migrations.map(({ name }) => name)
    const [state] = await session.query<{ isUnfinished: boolean }>(HAS_STATE)
    if (state!.isUnfinished) {
      const [former] = await session.query<{ migrations: string[] }>(MIGRATIONS)
      if (former?.migrations.join() === wanted.join()) return true
      throw new AppError(
        'DATABASE_NOT_EMPTY',
        `The database at ${target.location} holds an unfinished move of another version of the schema. Nothing was changed. Create a new database, and move into that one.`,
      )
    }
    await makeSchema(session, files, wanted)
    await session.query(STATE)
    await session.query(RECORD, ['', 0, 0, '', wanted])
    return false
  })
}

async function copyTables(
  { session, header, bytes }: Snapshot,
  target: Database,
  options: MoveOptions,
): Promise<Map<string, RowDigest>> {
  const digests = new Map<string, RowDigest>()
  let bytesBefore = 0
  for (const [index, table] of header.tables.entries()) {
    const ofTable = bytes.tables.get(table.name)!
    const onShare = (share: number) =>
      options.onProgress({ phase: 'write', table: table.name, share: (bytesBefore + share * ofTable) / bytes.all })
    const copy = () => copyTable(session, table, target, options.signal, onShare)
    let digest = await copy()
    if (digest === null) {
      await forgetFrom(target, header.tables.slice(index))
      digest = (await copy())!
    }
    digests.set(table.name, digest)
    bytesBefore += ofTable
    if (table.name === 'models') await inCopyTransaction(target, 'begin', makePartitions)
  }
  return digests
}

/** @returns the digest of its rows; null when the source has changed since an interrupted move */
async function copyTable(
  session: CopySession,
  table: CopiedTable,
  target: Database,
  signal: AbortSignal,
  onShare: (share: number) => void,
): Promise<RowDigest | null> {
  const recorded = await target.query<{ rows: number; digest: string }>(RECORDED, [table.name])
  const digest = new RowDigest()
  let number = 0
  for await (const { data, digest: ofChunk, share } of tableChunks(session, table)) {
    signal.throwIfAborted()
    digest.merge(ofChunk)
    number++
    const known = recorded[number - 1]
    if (known !== undefined && (known.rows !== ofChunk.rows || known.digest !== ofChunk.hex)) return null
    if (known === undefined)
      await inCopyTransaction(target, 'begin', async writing => {
        await writeChunk(writing, table, data)
        await writing.query(RECORD, [table.name, number, ofChunk.rows, ofChunk.hex, []])
      })
    onShare(share)
  }
  return recorded.length > number ? null : digest
}

/** Empties a table that has changed and all later ones, which may refer to it. */
async function forgetFrom(target: Database, tables: readonly CopiedTable[]): Promise<void> {
  const names = tables.map(({ name }) => name)
  await target.transaction(async session => {
    await session.query(`truncate ${[...names, ...Object.keys(LEFT_OUT)].map(quoted).join(', ')}`)
    await session.query(FORGET, [names])
  })
}

function finish(
  target: Database,
  files: MigrationFiles,
  header: BackupHeader,
  digests: ReadonlyMap<string, RowDigest>,
  { signal, onProgress }: MoveOptions,
): Promise<number> {
  return inCopyTransaction(target, 'begin', async session => {
    await setSequences(session, header.sequences)
    for (const [index, table] of header.tables.entries()) {
      signal.throwIfAborted()
      onProgress({ phase: 'check', table: table.name, share: index / header.tables.length })
      const expected = digests.get(table.name)!
      const found = await digestTable(session, table)
      if (found.rows !== expected.rows || found.hex !== expected.hex)
        throw new AppError(
          'MOVE_FAILED',
          `The rows of ${table.name} at ${target.location} differ from those of the source: expected ${expected.rows} with the digest ${expected.hex.slice(0, 16)}…, found ${found.rows} with ${found.hex.slice(0, 16)}…. Something else has written to the new database. The source is unchanged. Create a new database, and move into that one.`,
        )
    }
    await migrateInTransaction(session, files)
    const openBatches = await finishTables(session, header)
    await session.query(`drop table ${STATE_TABLE}`)
    return openBatches
  })
}
