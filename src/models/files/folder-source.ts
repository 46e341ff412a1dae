import { createReadStream, type ReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../../domain/text/error-text.js'
import type { ModelFile } from '../catalog/entry.js'
import {
  candidatePaths,
  type FetchedModel,
  type ModelSource,
  type OpenedFile,
  SourceError,
  sourcePath,
} from './source.js'

/**
 * Files from a local folder: `<folder>/<model name>/<path>` or `<folder>/<path>`; of an added model also under its path
 * at the source.
 */
export class FolderSource implements ModelSource {
  constructor(private readonly folder: string) {}

  locate(_model: FetchedModel, file: ModelFile): string {
    return join(this.folder, sourcePath(file))
  }

  async open(model: FetchedModel, file: ModelFile, offset: number, signal?: AbortSignal): Promise<OpenedFile> {
    const candidates = candidatePaths(model, file).map(path => join(this.folder, path))
    for (const path of candidates) {
      const totalBytes = await sizeOf(path)
      if (totalBytes === undefined) continue
      const stream = createReadStream(path, { start: offset, signal })
      // Ignore errors of the unread rest of a closed file.
      stream.on('error', () => undefined)
      return { start: offset, totalBytes, body: reading(stream, path), close: async () => void stream.destroy() }
    }
    throw new SourceError('missing', `neither ${candidates.join(' nor ')} is there`)
  }
}

async function* reading(stream: ReadStream, path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) yield chunk
  } catch (error) {
    throw unreadable(path, error)
  }
}

/** Returns undefined when there is no such file. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const stats = await stat(path)
    return stats.isFile() ? stats.size : undefined
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined
    throw unreadable(path, error)
  }
}

function unreadable(path: string, cause: unknown): SourceError {
  return new SourceError('refused', `${path} cannot be read (${errorCode(cause) || cause})`, { cause })
}
