import { type FSWatcher, watch } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export interface FolderWatchOptions {
  /** Receives the path of a file or folder that was created, changed, moved or deleted. It may be gone by now. */
  onChange: (path: string) => void
  /** The folder is not watched any more, for instance because the system watches no further folders. */
  onFailure: (error: NodeJS.ErrnoException) => void
}

/** Systems whose `fs.watch` follows a whole tree by itself. The one that Node emulates on Linux takes a watch per file. */
const FOLLOWS_TREES: ReadonlySet<NodeJS.Platform> = new Set(['darwin', 'win32'])

/**
 * Reports changes below a folder. Passes over hidden names and links, as an ingest does. On Linux each folder has a watch
 * (inotify) of its own, so 100,000 files in 1,000 folders take 1,000 watches. A system may lose events: who needs all of
 * them looks at the folder from time to time.
 *
 * A watch belongs to a folder and moves with it. So whenever a name of a folder changes, the watches at and below its path
 * are closed, and set again for what is there now.
 */
export class FolderWatch {
  readonly #watches = new Map<string, FSWatcher>()
  /** Paths that may be another folder now. */
  readonly #renamed = new Set<string>()
  #isLooking = false
  #isClosed = false

  private constructor(private readonly options: FolderWatchOptions) {}

  /** Watches everything that is below the folder when the promise resolves, and what comes later. */
  static async open(folder: string, options: FolderWatchOptions): Promise<FolderWatch> {
    const opened = new FolderWatch(options)
    if (FOLLOWS_TREES.has(process.platform)) opened.#watch(folder, true)
    else await opened.#add(folder)
    return opened
  }

  /** Number of folders that have a watch. */
  get size(): number {
    return this.#watches.size
  }

  close(): void {
    this.#isClosed = true
    for (const each of this.#watches.values()) each.close()
    this.#watches.clear()
    this.#renamed.clear()
  }

  /** First the watch, then the look: a folder that appears in between is found twice rather than never. */
  async #add(folder: string): Promise<void> {
    if (!this.#watch(folder, false)) return
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
    for (const entry of entries)
      if (entry.isDirectory() && !isHidden(entry.name)) await this.#add(join(folder, entry.name))
  }

  /** @returns whether the folder is watched */
  #watch(folder: string, recursive: boolean): boolean {
    if (this.#isClosed) return false
    this.#watches.get(folder)?.close()
    try {
      const watcher = watch(folder, { recursive }, (event, name) => this.#onEvent(folder, event, name, recursive))
      watcher.on('error', error => this.#onError(folder, error))
      this.#watches.set(folder, watcher)
      return true
    } catch (error) {
      this.#onError(folder, error as NodeJS.ErrnoException)
      return false
    }
  }

  #onEvent(folder: string, event: string, name: string | null, recursive: boolean): void {
    if (this.#isClosed) return
    const path = name === null ? folder : join(folder, name)
    if (name?.split(/[/\\]/).some(isHidden)) return
    if (event === 'rename' && !recursive && name !== null) {
      this.#renamed.add(path)
      void this.#lookAtRenamed()
    }
    this.options.onChange(path)
  }

  #onError(folder: string, error: NodeJS.ErrnoException): void {
    if (this.#isClosed) return
    this.#watches.get(folder)?.close()
    this.#watches.delete(folder)
    // A folder that is gone or may not be read is no failure of the watch.
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP'].includes(error.code ?? '')) return
    this.close()
    this.options.onFailure(error)
  }

  /** One at a time: two looks at the same folder could each close the watches of the other. */
  async #lookAtRenamed(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    for (const path of this.#renamed) {
      this.#renamed.delete(path)
      const stats = await lstat(path).catch(() => null)
      if (this.#watches.has(path)) this.#drop(path)
      // Its parent may have moved, too, and with it the watch that told of it.
      if (stats?.isDirectory() && this.#watches.has(dirname(path))) await this.#add(path)
    }
    this.#isLooking = false
  }

  #drop(folder: string): void {
    for (const [path, watcher] of this.#watches) {
      if (path !== folder && !path.startsWith(`${folder}/`)) continue
      watcher.close()
      this.#watches.delete(path)
    }
  }
}

function isHidden(name: string): boolean {
  return name.startsWith('.')
}
