import { createHash } from 'node:crypto'
import { link, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { AppError } from '../../domain/errors.js'
import type { Database } from '../connection.js'
import { readMigrationFiles } from '../schema/migration-files.js'
import { ArchiveWriter } from './archive.js'
import {
  type BackupHeader,
  type BackupManifest,
  HEADER_PART,
  MANIFEST_PART,
  partName,
  toJson,
} from './backup-format.js'
import { RowDigest } from './row-digest.js'
import { withSnapshot } from './snapshot.js'
import { tableChunks } from './table-chunks.js'
import { flushFolder, removeLeftovers, unfinishedName } from './unfinished-file.js'
import { verifyBackup } from './verify-backup.js'

export interface BackupOptions {
  /** Replaces an existing file. */
  force: boolean
  signal: AbortSignal
  onProgress(progress: DumpProgress): void
}

export interface DumpProgress {
  phase: 'read' | 'verify' | 'write' | 'check'
  table: string
  /** Of the whole phase: 0 to 1. */
  share: number
}

export interface Backup {
  file: string
  bytes: number
  header: BackupHeader
  manifest: BackupManifest
}

/**
 * Writes all tables of a database to one file, as one snapshot sees them, while others read and write. (On the embedded
 * server, whose clients share one session, others wait until the tables are read.) The file gets its name when it is
 * complete, read back and on the disk.
 * @throws AppError USAGE when the file exists; MIGRATION_FAILED for a database of a newer version; errors of the file
 * system
 */
export async function backUp(database: Database, path: string, options: BackupOptions): Promise<Backup> {
  const file = resolve(path)
  await refuseExisting(file, options.force)
  await removeLeftovers(file)
  const unfinished = unfinishedName(file)
  try {
    const written = await write(database, unfinished, options)
    await verifyBackup(
      unfinished,
      readMigrationFiles(),
      share => options.onProgress({ phase: 'verify', table: basename(file), share }),
      options.signal,
    )
    await putInPlace(unfinished, file, options.force)
    return { file, bytes: (await stat(file)).size, ...written }
  } finally {
    await rm(unfinished, { force: true })
  }
}

async function write(
  database: Database,
  path: string,
  { signal, onProgress }: BackupOptions,
): Promise<Pick<Backup, 'header' | 'manifest'>> {
  return withSnapshot(database, async ({ session, header, bytes }) => {
    const archive = new ArchiveWriter(path)
    try {
      const data = toJson(header)
      await archive.add({ name: HEADER_PART, data })
      const manifest: BackupManifest = { header: createHash('sha256').update(data).digest('hex'), tables: {} }
      let bytesBefore = 0
      for (const table of header.tables) {
        const ofTable = bytes.tables.get(table.name)!
        const sha256 = createHash('sha256')
        const entry = { rows: 0, parts: 0, rowDigest: '' }
        const digest = new RowDigest()
        for await (const { data, digest: ofChunk, share } of tableChunks(session, table)) {
          signal.throwIfAborted()
          sha256.update(data)
          digest.merge(ofChunk)
          entry.parts++
          await archive.add({ name: partName(table.name, entry.parts), data })
          onProgress({ phase: 'read', table: table.name, share: (bytesBefore + share * ofTable) / bytes.all })
        }
        manifest.tables[table.name] = {
          ...entry,
          rows: digest.rows,
          rowDigest: digest.hex,
          sha256: sha256.digest('hex'),
        }
        bytesBefore += ofTable
      }
      await archive.add({ name: MANIFEST_PART, data: toJson(manifest) })
      await archive.close()
      return { header, manifest }
    } catch (error) {
      await archive.abort()
      throw error
    }
  })
}

async function refuseExisting(file: string, force: boolean): Promise<void> {
  const found = await stat(file).catch(() => null)
  if (found?.isFile() && !force) throw existing(file)
  if (found !== null && !found.isFile())
    throw new AppError('USAGE', `Expected the name of a new file, found that ${file} is not a file. Name a file in it.`)
}

/** Never replaces a file that appeared meanwhile, unless that is wanted. */
async function putInPlace(unfinished: string, file: string, force: boolean): Promise<void> {
  if (force) await rename(unfinished, file)
  else
    try {
      await link(unfinished, file)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw existing(file)
      // A file system without hard links.
      await rename(unfinished, file)
    }
  await flushFolder(dirname(file))
}

const existing = (file: string): AppError =>
  new AppError('USAGE', `${file} exists already, and nothing was written. Name another file, or replace it: --force`)
