import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { AppError } from '../../../domain/errors.js'
import { errorMessage } from '../../../domain/text/error-text.js'
import { fetchedPath } from '../../catalog/model-json.js'
import { FolderSource } from '../../files/folder-source.js'
import { statOrNothing } from '../../files/verified-files.js'
import { type ListedFile, type Listing, MAX_FILES, type Repository, tooManyFiles } from './repository.js'

/** Deeper folders hold no files of a model. */
const MAX_DEPTH = 4

/** A folder with the files of one model. Links are followed: the cache of the hub's libraries consists of them. */
export class FolderRepository implements Repository {
  readonly source: string
  readonly title: string
  readonly files: FolderSource

  constructor(private readonly folder: string) {
    this.source = folder
    this.title = basename(folder)
    this.files = new FolderSource(folder)
  }

  async list(signal: AbortSignal): Promise<Listing> {
    const files: ListedFile[] = []
    try {
      await this.#walk('', 0, files, signal)
    } catch (cause) {
      signal.throwIfAborted()
      if (cause instanceof AppError) throw cause
      throw new AppError(
        'MODEL_NOT_FOUND',
        `models add expects a readable folder at ${this.folder}, found ${errorMessage(cause)}. A repository of the hub is hf:owner/name.`,
        { cause },
      )
    }
    return { files }
  }

  async #walk(within: string, depth: number, files: ListedFile[], signal: AbortSignal): Promise<void> {
    for (const name of (await readdir(join(this.folder, within))).sort()) {
      signal.throwIfAborted()
      const path = within === '' ? name : `${within}/${name}`
      const stats = fetchedPath.safeParse(path).success ? await statOrNothing(join(this.folder, path)) : undefined
      if (stats?.isFile()) files.push({ path, bytes: stats.size })
      else if (stats?.isDirectory() && depth < MAX_DEPTH) await this.#walk(path, depth + 1, files, signal)
      if (files.length > MAX_FILES) throw tooManyFiles(this.source)
    }
  }
}
