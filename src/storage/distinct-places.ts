import { randomUUID } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { AppError } from '../domain/errors.js'
import type { ObjectStore } from '../domain/ports/object-store.js'
import { parseObjectStoreLocation } from './location.js'

/**
 * Refuses two stores of which one is the other one, or a part of it, as far as their names show it: symbolic links of
 * folders are followed. Writes nothing.
 * @throws AppError USAGE
 */
export async function assertDistinctNames(source: ObjectStore, target: ObjectStore): Promise<void> {
  const [from, to] = [await canonical(source.location), await canonical(target.location)]
  if (from === to) throw notDistinct(source, target, 'the same place')
  if (contains(from, to)) throw notDistinct(source, target, 'a part of it')
  if (contains(to, from)) throw notDistinct(source, target, 'a place that contains it')
}

/**
 * Refuses a target that is the source under another name, or a part of it, whatever leads there: a bind mount, an alias
 * of a bucket. Writes an object into the target, looks for it in the source, and removes it again.
 * @throws AppError USAGE; PhotoError STORE_FAILED; the reason of the signal
 */
export async function assertDistinctObjects(
  source: ObjectStore,
  target: ObjectStore,
  signal: AbortSignal,
): Promise<void> {
  const probe = `check-${randomUUID()}`
  try {
    await target.put(probe, Buffer.from('unsplash-clip'), 'application/octet-stream')
    const same = 'the same place under another name'
    if (await source.has(probe)) throw notDistinct(source, target, same)
    for await (const key of source.list()) {
      signal.throwIfAborted()
      // The credentials may list, but not read.
      if (key === probe) throw notDistinct(source, target, same)
      if (key.endsWith(`/${probe}`)) throw notDistinct(source, target, 'a part of it under another name')
    }
  } finally {
    // The right to write may come without the right to delete.
    await target.delete(probe).catch(() => {})
  }
}

/** The address of a bucket; of a folder, which may not exist yet, the path without symbolic links. */
async function canonical(location: string): Promise<string> {
  const parsed = parseObjectStoreLocation(location)
  return parsed.kind === 'folder' ? realFolder(parsed.folder) : location
}

async function realFolder(folder: string): Promise<string> {
  try {
    return await realpath(folder)
  } catch {
    const parent = dirname(folder)
    return parent === folder ? folder : join(await realFolder(parent), basename(folder))
  }
}

function contains(outer: string, inner: string): boolean {
  const separator = outer.startsWith('s3://') ? '/' : sep
  return inner.startsWith(outer.endsWith(separator) ? outer : outer + separator)
}

function notDistinct(source: ObjectStore, target: ObjectStore, relation: string): AppError {
  return new AppError(
    'USAGE',
    `--to expects another place than the present one, ${source.location}, found ${target.location}: ${relation}. Nothing was copied or removed. Name a folder, bucket or prefix outside of it.`,
  )
}
