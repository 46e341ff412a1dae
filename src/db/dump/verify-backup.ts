import { createHash, type Hash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import type { MigrationFiles } from '../schema/migration-files.js'
import { archiveParts, damaged } from './archive.js'
import {
  type BackupHeader,
  type BackupManifest,
  HEADER_PART,
  MANIFEST_PART,
  partName,
  readHeader,
  readManifest,
  tableOfPart,
} from './backup-format.js'
import type { CopiedTable } from './copied-tables.js'

/** A part of a table in a backup. */
export interface BackedUpRows {
  table: CopiedTable
  data: Buffer
  /** In the file. */
  bytes: number
}

export interface BackupReader {
  onHeader(header: BackupHeader): Promise<void>
  onRows(rows: BackedUpRows): Promise<void>
}

/**
 * Reads a backup from the first to the last byte, and checks it: parts in order, digests and numbers of parts.
 * @returns the manifest
 * @throws AppError BACKUP_INVALID; what the reader throws
 */
export async function readBackup(path: string, files: MigrationFiles, reader: BackupReader): Promise<BackupManifest> {
  let header: BackupHeader | undefined
  let headerDigest = ''
  let manifest: BackupManifest | undefined
  const found = new Map<string, { parts: number; sha256: Hash }>()
  for await (const { name, data, bytes } of archiveParts(path)) {
    if (manifest !== undefined) throw damaged(path, `${name} follows its last part`)
    if (header === undefined) {
      if (name !== HEADER_PART)
        throw damaged(path, `its first part is ${JSON.stringify(name)} instead of ${HEADER_PART}`)
      header = readHeader(path, data, files.tables)
      headerDigest = createHash('sha256').update(data).digest('hex')
      await reader.onHeader(header)
    } else if (name === MANIFEST_PART) manifest = readManifest(path, data)
    else {
      const table = header.tables.find(one => one.name === tableOfPart(name))
      if (table === undefined) throw damaged(path, `the part ${JSON.stringify(name)} belongs to no table`)
      const known = found.get(table.name) ?? { parts: 0, sha256: createHash('sha256') }
      found.set(table.name, known)
      known.parts++
      if (name !== partName(table.name, known.parts))
        throw damaged(path, `${partName(table.name, known.parts)} is missing`)
      known.sha256.update(data)
      await reader.onRows({ table, data, bytes })
    }
  }
  if (header === undefined) throw damaged(path, 'it is empty')
  if (manifest === undefined) throw damaged(path, 'its end is missing')
  if ((manifest.header ?? headerDigest) !== headerDigest)
    throw damaged(path, `${HEADER_PART} does not have the digest that was recorded`)
  for (const { name } of header.tables) {
    const expected = manifest.tables[name]
    const { parts = 0, sha256 = createHash('sha256') } = found.get(name) ?? {}
    if (expected?.parts !== parts || expected.sha256 !== sha256.digest('hex'))
      throw damaged(path, `the rows of ${name} do not have the digest that was recorded`)
  }
  return manifest
}

/** Checks a backup without a database. @throws AppError BACKUP_INVALID */
export async function verifyBackup(
  path: string,
  files: MigrationFiles,
  onShare: (share: number) => void,
  signal: AbortSignal,
): Promise<{ header: BackupHeader; manifest: BackupManifest }> {
  const { size } = await stat(path)
  let bytes = 0
  let header: BackupHeader
  const manifest = await readBackup(path, files, {
    onHeader: async read => {
      header = read
    },
    onRows: async rows => {
      signal.throwIfAborted()
      bytes += rows.bytes
      onShare(bytes / size)
    },
  })
  return { header: header!, manifest }
}
