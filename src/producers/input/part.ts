import { createReadStream } from 'node:fs'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { AppError } from '../../domain/errors.js'
import { errorMessage } from '../../domain/text/error-text.js'
import { checkInflation } from './inflation-cap.js'

/** Chunk size: larger chunks read no faster. */
const CHUNK_BYTES = 128 * 1024
/** Bytes of a part that are enough to detect its format. */
const HEAD_BYTES = 64 * 1024
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b])

/** One file of an input, or one entry of an archive. */
export interface Part {
  /** For people. */
  name: string
  /** The stored bytes from the start. Rejects with AppError INPUT_INVALID or INPUT_NOT_FOUND when they are damaged. */
  bytes(): AsyncIterable<Buffer>
}

export function filePart(path: string): Part {
  return {
    name: path,
    async *bytes() {
      try {
        yield* createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>
      } catch (error) {
        throw new AppError('INPUT_NOT_FOUND', `${path} cannot be read: ${(error as Error).message}`, { cause: error })
      }
    },
  }
}

/** The part, or its contents when it is compressed with gzip, as its first bytes tell. */
export async function decompressed(part: Part): Promise<Part> {
  const head = await firstBytes(part.bytes(), GZIP_MAGIC.length)
  if (!head.subarray(0, GZIP_MAGIC.length).equals(GZIP_MAGIC)) return part
  return { name: part.name, bytes: () => gunzip(part) }
}

async function* gunzip(part: Part): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES })
  const raw: Readable = Readable.from(part.bytes(), { objectMode: false })
  // Errors reach the reader through `gunzip`.
  pipeline(raw, gunzip, () => {})
  try {
    let inflated = 0
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      inflated += chunk.length
      checkInflation(part.name, gunzip.bytesWritten, inflated)
      yield chunk
    }
  } catch (error) {
    if (error instanceof AppError) throw error
    throw damaged(part.name, 'gzip data', error)
  }
}

export function damaged(name: string, what: string, cause: unknown): AppError {
  const reason = errorMessage(cause)
  return new AppError(
    'INPUT_INVALID',
    `${name}: whole ${what} expected, found damaged ones (${reason}). Fetch the file again; what was taken until here stays, and is not taken twice.`,
    { cause },
  )
}

/** The first bytes of a part. */
export function headOf(part: Part): Promise<Buffer> {
  return firstBytes(part.bytes(), HEAD_BYTES)
}

async function firstBytes(bytes: AsyncIterable<Buffer>, length: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of bytes) {
    chunks.push(chunk)
    size += chunk.length
    if (size >= length) break
  }
  return Buffer.concat(chunks).subarray(0, length)
}
