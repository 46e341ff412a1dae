import type { BigIntStats } from 'node:fs'
import { stat, statfs } from 'node:fs/promises'
import { FolderWatch } from './folder-watch.js'

/** Types of file systems (statfs) whose changes on other machines no watch reports: NFS, SMB, CIFS, SMB2, 9p, FUSE. */
const REMOTE = new Set([0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x65735546])

/** What became of a folder since the last look. */
export type FolderNews = 'same' | 'away' | 'back' | 'replaced'

export interface WatchedFolderOptions {
  onChange: (path: string) => void
  /** The system reports no changes of this folder (any more): it has to be looked at. */
  onBlind: (reason: string) => void
}

/** One folder that is watched, also while it is away: not mounted, renamed or deleted. */
export class WatchedFolder {
  #identity: string | null = null
  /** Device of the first folder that was there, and of the last one. */
  #firstDevice: string | null = null
  #device: string | null = null
  #watch: FolderWatch | null = null
  #isBlind = false

  /** @param path absolute, without links */
  constructor(
    readonly path: string,
    private readonly options: WatchedFolderOptions,
  ) {}

  get isThere(): boolean {
    return this.#identity !== null
  }

  /** Whether it lies on another disk than it did first. */
  get isOtherDisk(): boolean {
    return this.#device !== this.#firstDevice
  }

  /** Whether changes may go unreported. */
  get isBlind(): boolean {
    return this.#isBlind
  }

  /** Looks whether the folder is there, and watches it again when it is another one than before. */
  async look(): Promise<FolderNews> {
    const identity = await identityOf(this.path)
    if (identity === this.#identity) return 'same'
    const news = identity === null ? 'away' : this.#identity === null ? 'back' : 'replaced'
    this.#identity = identity
    this.#watch?.close()
    this.#watch = null
    if (identity === null) return news
    this.#device = identity.split(':')[0]!
    this.#firstDevice ??= this.#device
    this.#isBlind = await isRemote(this.path)
    if (this.#isBlind) this.options.onBlind('it lies on a network or user-space file system')
    this.#watch = await FolderWatch.open(this.path, {
      onChange: this.options.onChange,
      onFailure: error => {
        this.#isBlind = true
        this.options.onBlind(describe(error))
      },
    })
    return news
  }

  close(): void {
    this.#watch?.close()
  }
}

async function identityOf(path: string): Promise<string | null> {
  const stats: BigIntStats | null = await stat(path, { bigint: true }).catch(() => null)
  return stats?.isDirectory() ? `${stats.dev}:${stats.ino}` : null
}

async function isRemote(path: string): Promise<boolean> {
  if (process.platform !== 'linux') return false
  return statfs(path).then(
    ({ type }) => REMOTE.has(type),
    () => false,
  )
}

function describe({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOSPC')
    return 'the system watches no further folders (ENOSPC); expected a limit above the number of folders. Raise it: sysctl fs.inotify.max_user_watches=1048576'
  if (code === 'EMFILE' || code === 'ENFILE')
    return `the system opens no further watch (${code}). Raise fs.inotify.max_user_instances or ulimit -n`
  return code ?? message
}
