import { stat } from 'node:fs/promises'
import { AppError } from '../../domain/errors.js'
import type { Database } from '../connection.js'
import { migrateInTransaction } from '../migrate.js'
import { readMigrationFiles } from '../schema/migration-files.js'
import { damaged } from './archive.js'
import type { DumpProgress } from './backup.js'
import type { BackupHeader, BackupManifest } from './backup-format.js'
import { quoted } from './copied-tables.js'
import { type CopySession, inCopyTransaction } from './copy-client.js'
import { makePartitions, makeSchema, setSequences } from './new-schema.js'
import { digestTable, writeChunk } from './table-chunks.js'
import { readBackup, verifyBackup } from './verify-backup.js'

const OPEN_BATCHES = 'select count(*) as batches from batches where settled_at is null'

export interface RestoreOptions {
  signal: AbortSignal
  onProgress(progress: DumpProgress): void
}

export interface Restored {
  header: BackupHeader
  manifest: BackupManifest
  /** Migrations that were applied afterwards to a backup of an earlier version. */
  migrated: string[]
  /** Batches of unfinished runs. */
  openBatches: number
}

/**
 * Fills a new or empty database from a backup, in one transaction: it is restored and checked, or unchanged. The file is
 * read twice: first checked as a whole, then written. Vector indexes are left to the caller.
 * @throws AppError BACKUP_INVALID, DATABASE_NOT_EMPTY; errors of the file system
 */
export async function restoreBackup(database: Database, path: string, options: RestoreOptions): Promise<Restored> {
  const { signal, onProgress } = options
  const files = readMigrationFiles()
  const { header } = await verifyBackup(path, files, share => onProgress({ phase: 'verify', table: '', share }), signal)
  const { size } = await stat(path)
  return inCopyTransaction(database, 'begin', async session => {
    await makeSchema(
      session,
      files,
      header.migrations.map(({ name }) => name),
    )
    let bytes = 0
    let hasPartitions = false
    const manifest = await readBackup(path, files, {
      onHeader: async () => undefined,
      onRows: async ({ table, data, bytes: ofRows }) => {
        signal.throwIfAborted()
        if (table.name === 'embeddings' && !hasPartitions) {
          await makePartitions(session)
          hasPartitions = true
        }
        await writeChunk(session, table, data)
        bytes += ofRows
        onProgress({ phase: 'write', table: table.name, share: bytes / size })
      },
    })
    if (!hasPartitions) await makePartitions(session)
    await setSequences(session, header.sequences)
    await check(session, header, manifest, options, path)
    const { applied } = await migrateInTransaction(session, files)
    const openBatches = await finishTables(session, header)
    return { header, manifest, migrated: applied, openBatches }
  })
}

/**
 * Computes what is not copied: the words of photos, and the statistics of the planner.
 * @returns number of batches that are not settled
 */
export async function finishTables(session: CopySession, { tables }: BackupHeader): Promise<number> {
  await session.query('select rewrite_photo_texts()')
  await session.query(`analyze ${[...tables.map(({ name }) => quoted(name)), 'photo_texts'].join(', ')}`)
  const [open] = await session.query<{ batches: number }>(OPEN_BATCHES)
  return open!.batches
}

async function check(
  session: CopySession,
  { tables }: BackupHeader,
  manifest: BackupManifest,
  { signal, onProgress }: RestoreOptions,
  path: string,
): Promise<void> {
  for (const [index, table] of tables.entries()) {
    signal.throwIfAborted()
    onProgress({ phase: 'check', table: table.name, share: index / tables.length })
    const expected = manifest.tables[table.name]
    if (expected === undefined) throw damaged(path, `its manifest does not name ${table.name}`)
    const found = await digestTable(session, table)
    if (found.rows !== expected.rows || found.hex !== expected.rowDigest)
      throw differs(table.name, expected.rows, found.rows)
  }
}

/** The error when a copied table is not what was read. */
export function differs(table: string, expectedRows: number, foundRows: number): AppError {
  return new AppError(
    'BACKUP_INVALID',
    `The rows of ${table} in the new database differ from those that were read: expected ${expectedRows} rows with the recorded digest, found ${foundRows}. Nothing was changed there. Please report this.`,
  )
}
