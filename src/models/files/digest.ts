import { createHash, type Hash } from 'node:crypto'
import { createReadStream, type Stats } from 'node:fs'

/**
 * Computes the SHA-256 of a file, in lower-case hex.
 * @param onBytes receives the number of bytes of each read
 */
export async function sha256OfFile(
  path: string,
  options: { signal?: AbortSignal; onBytes?: (bytes: number) => void } = {},
): Promise<string> {
  const hash = createHash('sha256')
  await updateFromFile(hash, path, options)
  return hash.digest('hex')
}

/** By path: the digests that this process has computed. */
const computed = new Map<string, { size: number; mtimeMs: number; sha256: string }>()

/** The SHA-256 of a file. Hashes it once per process, unless its size or time changed since. */
export async function sha256OfUnchanged(
  path: string,
  { size, mtimeMs }: Pick<Stats, 'size' | 'mtimeMs'>,
  signal?: AbortSignal,
): Promise<string> {
  const known = computed.get(path)
  if (known?.size === size && known.mtimeMs === mtimeMs) return known.sha256
  const sha256 = await sha256OfFile(path, { signal })
  computed.set(path, { size, mtimeMs, sha256 })
  return sha256
}

/** Feeds a file's bytes to a hash without finishing it. */
export async function updateFromFile(
  hash: Hash,
  path: string,
  { signal, onBytes }: { signal?: AbortSignal; onBytes?: (bytes: number) => void } = {},
): Promise<void> {
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024, signal }) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    onBytes?.(chunk.length)
  }
}
