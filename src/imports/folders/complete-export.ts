import { readFile, stat } from 'node:fs/promises'
import { join, normalize } from 'node:path'
import { z } from 'zod'
import { AppError } from '../../domain/errors.js'

const MANIFEST = 'manifest.json'
const Files = z.array(z.object({ path: z.string(), bytes: z.number() }))
const Written = z.object({
  createdBy: z.string().startsWith('unsplash-clip'),
  shards: z.array(z.object({ files: Files })),
})

/**
 * Compares a folder with the manifest of `export`, where it has one, so that a shard that was lost on the way does not go
 * unnoticed.
 * @throws AppError INPUT_INVALID: a file is not there, or has another size
 */
export async function requireComplete(folder: string): Promise<void> {
  const written = Written.safeParse(await manifestOf(folder))
  // The manifest of somebody else.
  if (!written.success) return
  const files = written.data.shards.flatMap(shard => shard.files)
  for (const { path, bytes } of files) {
    // The manifest decides about no file outside of its folder.
    if (normalize(path).startsWith('..')) continue
    const found = await stat(join(folder, path)).catch(() => null)
    if (found?.size === bytes) continue
    throw new AppError(
      'INPUT_INVALID',
      `${join(folder, path)}: expected ${bytes} bytes, as ${MANIFEST} says, found ${found === null ? 'no such file' : found.size}. Copy the export again, or remove ${MANIFEST} to import what is there.`,
    )
  }
}

async function manifestOf(folder: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(folder, MANIFEST), 'utf8'))
  } catch {
    return null
  }
}
