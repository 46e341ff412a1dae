import type { Vanished } from '../../domain/ports/removal-repository.js'
import { HOUR } from '../../domain/units.js'
import { vanishedOf } from '../removal/find-vanished.js'
import { type RemovalDeps, removePhotos } from '../removal/remove-photos.js'
import { forgetPaths, type SyncOutcome } from '../removal/sync.js'
import { mayGoWhileWatched } from '../removal/unasked.js'

/** Time in which removals count together, so that a folder which is deleted slowly is not removed bit by bit. */
const TOGETHER_MS = HOUR
/** Paths per query. */
const PAGE = 1000

/** Why photos that are gone were not removed. */
export type Refusal = 'too many' | 'emptied' | 'other disk'

export interface GoneOutcome extends SyncOutcome {
  refusal?: Refusal
  /** The watched folders that it is about. */
  folders: readonly string[]
}

export interface GoneFilesOptions {
  /** Removes more than may go unasked, too. A folder that lost all of its files keeps its photos even so. */
  isSure: boolean
  signal?: AbortSignal
}

/** What is known of the watched folders when files that are gone are settled. */
export interface FoldersNow {
  /** Those that are there. */
  folders: readonly string[]
  /** Folders that are away: nothing at or below them is removed. */
  away?: readonly string[]
  /** Folders that are another disk than before: nobody was sure of these. */
  otherDisks?: readonly string[]
  /** Called after the files were looked for. Whether all that holds still; if not, nothing is removed. */
  holds?: () => Promise<boolean>
}

/**
 * Recorded files of watched folders that are gone, and what follows from it. They wait until it is certain that they did
 * not only move: a file that moves keeps its embedding only if its new place is recorded first.
 */
export class GoneFiles {
  readonly #paths = new Set<string>()
  readonly #removed: { name: string; atMs: number; photos: number }[] = []
  /** What was told last of folders whose photos were not removed. */
  readonly #told = new Map<string, string>()
  #hasChanged = false

  constructor(
    private readonly deps: RemovalDeps,
    private readonly options: GoneFilesOptions,
  ) {}

  /** Whether there is something to settle. */
  get isDue(): boolean {
    return this.#hasChanged
  }

  add(paths: readonly string[]): void {
    for (const path of paths) this.#paths.add(path)
    if (paths.length > 0) this.#hasChanged = true
  }

  /** A photo was recorded: the one that lay there before may lie nowhere now. */
  expectStrays(): void {
    this.#hasChanged = true
  }

  /** Adds what is recorded below a folder and gone. @param has whether a path was seen there */
  async addMissing(folder: string, has: (path: string) => boolean): Promise<void> {
    for await (const page of this.deps.removals.pathsBelow(folder, PAGE))
      this.add(await vanishedOf(page.filter(path => !has(path))))
  }

  /**
   * Forgets the files that are still gone, and removes the photos that lie nowhere else. A folder whose photos may not be
   * removed holds up no other.
   * @returns what is to be told: not what was told before
   */
  async settle({ folders, away = [], otherDisks = [], holds = async () => true }: FoldersNow): Promise<GoneOutcome[]> {
    const goneAt = await this.deps.removals.now()
    const isThere = (path: string) => isBelowAny(path, folders) && !isBelowAny(path, away)
    const gone = await vanishedOf([...this.#paths].filter(isThere))
    if (!(await holds())) return []
    const outcomes = await this.#settle(gone, goneAt, folders, otherDisks)
    this.#hasChanged = false
    return outcomes
  }

  async #settle(
    gone: readonly string[],
    goneAt: string,
    folders: readonly string[],
    otherDisks: readonly string[],
  ): Promise<GoneOutcome[]> {
    const { removals } = this.deps
    const kept: string[] = []
    const refused: GoneOutcome[] = []
    const losses = new Map<string, number>()
    const judge = async (some: readonly string[]): Promise<Vanished> => {
      const own = gone.filter(path => isBelowAny(path, some) && !isBelowAny(path, kept))
      const found = await removals.vanishing(some, own)
      const counts = { vanished: found.photoIds.length, of: found.of }
      const refusal = await this.#refusal(some, own, counts, otherDisks)
      if (refusal === null) losses.set(nameOf(some), counts.vanished)
      else kept.push(...some)
      if (refusal && counts.vanished > 0)
        refused.push({ ...counts, photos: 0, copies: 0, isRefused: true, refusal, folders: some })
      return found
    }
    const left = () => folders.filter(folder => !kept.includes(folder))
    let found: Vanished = { photoIds: [], of: 0 }
    for (const folder of folders) found = await judge([folder])
    // A photo that lies in two folders is gone when it is gone from both.
    if (folders.length > 1 && left().length > 0) found = await judge(left())

    this.#paths.clear()
    for (const path of gone) if (isBelowAny(path, kept)) this.#paths.add(path)
    const outcomes = refused.filter(outcome => this.#isNew(outcome))
    for (const name of losses.keys()) this.#told.delete(name)
    if (left().length === 0) return outcomes
    await forgetPaths(
      gone.filter(path => !this.#paths.has(path)),
      goneAt,
      this.deps,
    )
    const removed = await removePhotos(found.photoIds, this.deps, {
      onlyWithoutPlace: true,
      signal: this.options.signal,
    })
    if (removed.photos + removed.copies === 0) return outcomes
    for (const [name, photos] of losses) this.#removed.push({ name, atMs: Date.now(), photos })
    const counts = { vanished: found.photoIds.length, of: found.of }
    return [{ ...counts, ...removed, isRefused: false, folders: left() }, ...outcomes]
  }

  async #refusal(
    folders: readonly string[],
    gone: readonly string[],
    { vanished, of }: { vanished: number; of: number },
    otherDisks: readonly string[],
  ): Promise<Refusal | null> {
    const isOther = folders.some(folder => otherDisks.includes(folder))
    if (vanished === 0 && !isOther) return null
    // A disk that was taken out leaves an empty folder. Some of its photos may lie elsewhere, too.
    const isEmptied = folders.length === 1 && (await this.#isEmptied(folders[0]!, new Set(gone)))
    if (isEmptied || (vanished > 0 && vanished >= of)) return 'emptied'
    if (vanished === 0 || (this.options.isSure && !isOther)) return null
    while (this.#removed[0] && this.#removed[0].atMs < Date.now() - TOGETHER_MS) this.#removed.shift()
    const earlier = this.#removed.filter(({ name }) => name === nameOf(folders))
    const before = earlier.reduce((sum, { photos }) => sum + photos, 0)
    if (mayGoWhileWatched(vanished + before, of + before)) return null
    return this.options.isSure ? 'other disk' : 'too many'
  }

  /** Whether no recorded file of a folder is left. */
  async #isEmptied(folder: string, gone: ReadonlySet<string>): Promise<boolean> {
    for await (const page of this.deps.removals.pathsBelow(folder, PAGE))
      if (page.some(path => !gone.has(path))) return false
    return gone.size > 0
  }

  #isNew({ folders, refusal, vanished }: GoneOutcome): boolean {
    const told = `${refusal} ${vanished}`
    const isNew = this.#told.get(nameOf(folders)) !== told
    this.#told.set(nameOf(folders), told)
    return isNew
  }
}

function nameOf(folders: readonly string[]): string {
  return folders.join('\n')
}

function isBelowAny(path: string, folders: readonly string[]): boolean {
  return folders.some(folder => isAtOrBelow(path, folder))
}

export function isAtOrBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}
