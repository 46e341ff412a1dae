import { createReadStream, createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import * as tar from 'tar-stream'
import { AppError } from '../../domain/errors.js'
import { errorMessage } from '../../domain/text/error-text.js'

/** Half-precision vectors hardly shrink, whatever the level; texts shrink by half as much again with twice the time. */
const GZIP_LEVEL = 3
/** Above every part that this program writes: a damaged length must not ask for all memory. */
const MAX_PART_BYTES = 1024 * 1024 * 1024

const zip = promisify(gzip)
const unzip = promisify(gunzip)

/** A file of an archive. */
export interface Part {
  name: string
  data: Buffer
}

/** Writes a tar file part by part: parts whose names end with `.gz` are compressed. */
export class ArchiveWriter {
  readonly #pack = tar.pack()
  readonly #written: Promise<void>

  /** @param path of a file that does not exist; readable for this user only */
  constructor(path: string) {
    this.#written = pipeline(this.#pack, createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true }))
    // Awaited in add and close.
    this.#written.catch(() => undefined)
  }

  /** @throws the error of the file */
  async add({ name, data }: Part): Promise<void> {
    const body = name.endsWith('.gz') ? await zip(data, { level: GZIP_LEVEL }) : data
    const isAdded = new Promise<void>((resolve, reject) => {
      const entry = this.#pack.entry({ name, size: body.length, mode: 0o600 }, error =>
        error ? reject(error) : resolve(),
      )
      entry.on('error', reject)
      entry.end(body)
    })
    try {
      await Promise.race([isAdded, this.#written])
    } catch {
      // The pack only knows that it was ended.
      await this.#written
    }
  }

  /** Resolves when the file is on the disk. */
  async close(): Promise<void> {
    this.#pack.finalize()
    await this.#written
  }

  /** Gives up. */
  async abort(): Promise<void> {
    this.#pack.destroy()
    await this.#written.catch(() => undefined)
  }
}

/** A part that was read, with its bytes in the file. */
export interface ReadPart extends Part {
  bytes: number
}

/**
 * Yields the parts of an archive, uncompressed.
 * @throws AppError BACKUP_INVALID when the file is damaged or is no archive; the error of the file system
 */
export async function* archiveParts(path: string): AsyncGenerator<ReadPart> {
  const file = createReadStream(path)
  const archive = tar.extract()
  file.on('error', error => archive.destroy(error))
  file.pipe(archive)
  try {
    for await (const entry of archive) {
      const { name } = entry.header
      const chunks: Buffer[] = []
      for await (const chunk of entry) chunks.push(chunk as Buffer)
      const body = Buffer.concat(chunks)
      const data = name.endsWith('.gz') ? await unzip(body, { maxOutputLength: MAX_PART_BYTES }) : body
      yield { name, data, bytes: body.length }
    }
  } catch (error) {
    throw isOfFileSystem(error) || error instanceof AppError ? error : damaged(path, errorMessage(error))
  } finally {
    file.destroy()
  }
}

/** The error for a file that is no complete backup. */
export function damaged(path: string, found: string): AppError {
  return new AppError(
    'BACKUP_INVALID',
    `${path} is not a complete, undamaged backup: ${found}. Nothing was changed. Use another backup, or another copy of this file.`,
  )
}

const isOfFileSystem = (error: unknown): boolean => (error as NodeJS.ErrnoException).syscall !== undefined
