import { z } from 'zod'
import { AppError } from '../../domain/errors.js'
import { VERSION } from '../../version.js'
import type { TableFile } from '../schema/migration-files.js'
import { damaged } from './archive.js'

/**
 * A backup is a tar file:
 *
 *     backup.json                      what it holds, and who wrote it
 *     tables/photos/000001.copy.gz     rows of a table: a complete output of COPY
 *     …
 *     manifest.json                    rows and digests of each table; its absence shows a truncated file
 */
export const HEADER_PART = 'backup.json'
export const MANIFEST_PART = 'manifest.json'
/** Readers accept this one only. */
const FORMAT = 1

const PART = /^tables\/(\w+)\/(\d+)\.copy\.gz$/

const name = z.string().regex(/^\w+$/)
const headerShape = z.object({
  format: z.literal(FORMAT),
  program: z.string(),
  createdAt: z.iso.datetime(),
  server: z.string(),
  migrations: z.array(z.object({ name, sha256: z.string() })),
  tables: z.array(z.object({ name, columns: z.array(name).min(1), format: z.enum(['text', 'binary']) })),
  sequences: z.record(name, z.number().int().nullable()),
  indexes: z.array(
    z.object({ modelId: z.number().int(), method: z.enum(['ivfflat', 'hnsw']), options: z.array(z.string()) }),
  ),
})
const manifestShape = z.object({
  /** SHA-256 of backup.json. Backups of earlier builds lack it. */
  header: z.string().optional(),
  tables: z.record(
    name,
    z.object({
      rows: z.number().int().nonnegative(),
      parts: z.number().int().nonnegative(),
      sha256: z.string(),
      rowDigest: z.string(),
    }),
  ),
})

export type BackupHeader = z.infer<typeof headerShape>
export type BackupManifest = z.infer<typeof manifestShape>
export type BackedUpIndex = BackupHeader['indexes'][number]

export const newHeader = (contents: Omit<BackupHeader, 'format' | 'program' | 'createdAt'>): BackupHeader => ({
  format: FORMAT,
  program: VERSION,
  createdAt: new Date().toISOString(),
  ...contents,
})

export const partName = (table: string, number: number): string =>
  `tables/${table}/${String(number).padStart(6, '0')}.copy.gz`

/** Returns the table of a part; null for another part. */
export const tableOfPart = (part: string): string | null => PART.exec(part)?.[1] ?? null

export const toJson = (object: object): Buffer => Buffer.from(`${JSON.stringify(object, null, 2)}\n`)

/**
 * Reads the header of a backup.
 * @param files the migrations of this program
 * @throws AppError BACKUP_INVALID, also when a newer version of the program made it
 */
export function readHeader(path: string, data: Buffer, files: readonly TableFile[]): BackupHeader {
  const found = parsed(path, data)
  const { format, program } = z
    .object({ format: z.number(), program: z.string() })
    .loose()
    .catch({ format: 0, program: '?' })
    .parse(found)
  if (format > FORMAT) throw newer(path, program, `its format is ${format}, and this version reads ${FORMAT}`)
  const header = headerShape.safeParse(found)
  if (!header.success) throw damaged(path, `${HEADER_PART} holds ${z.prettifyError(header.error)}`)
  const known = new Map(files.map(file => [file.name, file.sha256]))
  for (const migration of header.data.migrations) {
    const sha256 = known.get(migration.name)
    if (sha256 === undefined)
      throw newer(path, program, `migration ${migration.name} is not among those of this version`)
    if (sha256 !== migration.sha256)
      throw new AppError(
        'BACKUP_INVALID',
        `${path} was made by another build of unsplash-clip, whose migration ${migration.name} differs. Nothing was changed. Restore it with the build that made it (it calls itself ${program}).`,
      )
  }
  return header.data
}

/** Reads the manifest of a backup. @throws AppError BACKUP_INVALID */
export function readManifest(path: string, data: Buffer): BackupManifest {
  const manifest = manifestShape.safeParse(parsed(path, data))
  if (!manifest.success) throw damaged(path, `${MANIFEST_PART} holds ${z.prettifyError(manifest.error)}`)
  return manifest.data
}

function parsed(path: string, data: Buffer): unknown {
  try {
    return JSON.parse(data.toString('utf8'))
  } catch (error) {
    throw damaged(path, (error as Error).message)
  }
}

function newer(path: string, program: string, evidence: string): AppError {
  return new AppError(
    'BACKUP_INVALID',
    `${path} was made by a newer version of unsplash-clip (${program}) than this one (${VERSION}): ${evidence}. Nothing was changed. Upgrade unsplash-clip to ${program} or newer, then restore again.`,
  )
}
