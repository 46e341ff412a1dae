import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'

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
