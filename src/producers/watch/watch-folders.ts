import { stat } from 'node:fs/promises'
import { type Backoff, backoffMs } from '../../domain/backoff.js'
import { AppError, DATABASE_OUTAGES, PhotoError } from '../../domain/errors.js'
import { Heartbeat } from '../../domain/heartbeat.js'
import type { FailureGroup } from '../../domain/ports/repository.js'
import { isExhausted } from '../../domain/text/error-text.js'
import { SECOND } from '../../domain/units.js'
import {
  batchOptions,
  type IngestDeps,
  type IngestRun,
  PRODUCER_SEEN_EVERY_MS,
  type StartedWorkers,
} from '../ingest.js'
import { readChangedFiles, readImageFolder } from '../input/image-folder-reader.js'
import type { BadRow, FileRow, Source, SourceRow } from '../input/source.js'
import { noneSkipped } from '../places/choose-files.js'
import { identifyFiles } from '../places/identify-files.js'
import { Mounts } from '../places/mounts.js'
import { type EnqueueSummary, enqueue, enqueueLost } from '../queueing/enqueue.js'
import { followRun, type RunProgress } from '../queueing/follow-run.js'
import { type OnWait, waitUnlessStopped } from '../queueing/wait-reason.js'
import { vanishedOf } from '../removal/find-vanished.js'
import { deleteRemovedCopies } from '../removal/remove-photos.js'
import { IdSet } from '../selection/id-set.js'
import { GoneFiles, type GoneOutcome, isAtOrBelow } from './gone-files.js'
import { PendingChanges } from './pending-changes.js'
import { WatchedFolder } from './watched-folder.js'

/** A file is looked at when nothing has happened to it for this long. */
const QUIET_MS = SECOND
const TICK_MS = SECOND / 4
const LOOK_AT_FOLDERS_MS = 2 * SECOND
const DELETE_COPIES_MS = 10 * SECOND
/** Photos that are gone are removed when the folders are quiet, or this long after they were found. */
const REMOVE_WITHIN_MS = 30 * SECOND
/** From this many changed paths on, all of the folder is looked at. */
const MOST_PATHS = 5000
/** Pause between looks at a folder whose changes are not reported. */
const BLIND_RESCAN_MS = 30 * SECOND
const BACKOFF: Backoff = { firstMs: SECOND, maxMs: 30 * SECOND }
/** A worker did not find the file, or found other bytes: it moved or changed in between. */
const FILE_FAILURES: ReadonlySet<string> = new Set(['FILE_NOT_FOUND', 'CONTENT_CHANGED'])

export interface WatchSettled {
  photos: number
  done: number
  failed: number
  /** Of the whole run; empty unless some failed since the last report. */
  failures: FailureGroup[]
}

export interface WatchListener {
  /** After a look at folders (`whole`) or at what changed in them. */
  onLooked?: (summary: EnqueueSummary, look: { whole: boolean; seconds: number }) => void
  onRemoved?: (outcome: GoneOutcome) => void
  /** All photos that were enqueued so far are embedded or failed. Counts are those since the last call. */
  onSettled?: (settled: WatchSettled) => void
  /** The folders are watched from now on. */
  onWatching?: () => void
  onRunProgress?: (progress: RunProgress) => void
  onBadRow?: (row: BadRow) => void
  onProgress?: (soFar: Readonly<EnqueueSummary>) => void
  /** What people should know: a folder is away, a server is, changes are not reported. */
  onNote?: (text: string) => void
  onWait?: OnWait
}

export interface WatchOptions extends WatchListener {
  /** Also removes more photos than may go unasked. */
  isSure: boolean
  /** Time between looks at the whole folders, for changes that the system did not report. */
  rescanMs: number
  /** Null: workers run elsewhere. They are stopped at the end. */
  workers: StartedWorkers | null
  /** Where copies are stored: not photos of a folder above them. */
  copies?: string
  signal: AbortSignal
}

/**
 * Keeps a run up to date with folders until the signal is aborted: enqueues new and changed files, records moved ones,
 * removes the photos whose files are gone. Goes on while the database, the queue or a folder is away.
 * @param folders absolute, without links
 * @throws AppError RUN_CANCELLED; WORKER_FAILED when no started worker can work; other errors that time does not mend
 */
export async function watchFolders(
  deps: IngestDeps,
  run: IngestRun,
  folders: readonly string[],
  options: WatchOptions,
): Promise<void> {
  await new Watch(deps, run, folders, options).run()
}

class Watch {
  readonly #folders: WatchedFolder[]
  readonly #changes = new PendingChanges(QUIET_MS)
  readonly #mounts: Mounts
  readonly #gone: GoneFiles
  /** Batches that no follower knows yet. */
  readonly #asked: string[] = []
  #following: Promise<void> | null = null
  #told = { photos: 0, done: 0, failed: 0 }
  #fatal: unknown
  #wantsWhole = true
  #hasLooked = false
  /** Whether files that workers did not find were tried again since the last change. */
  #hasRetried = false
  #lastLookEndMs = 0
  #goneSinceMs = 0
  #nextRescanMs = 0
  #nextFolderLookMs = 0
  #nextDeletionMs = 0

  constructor(
    private readonly deps: IngestDeps,
    private readonly ingestRun: IngestRun,
    folders: readonly string[],
    private readonly options: WatchOptions,
  ) {
    this.#folders = folders.map(
      path =>
        new WatchedFolder(path, {
          onChange: changed => this.#changes.add(changed),
          onBlind: reason => {
            this.#nextRescanMs = Math.min(this.#nextRescanMs, Date.now() + BLIND_RESCAN_MS)
            this.#note(
              `Changes in ${path} may go unreported: ${reason}. Looking at all of it every ${BLIND_RESCAN_MS / SECOND} s.`,
            )
          },
        }),
    )
    this.#mounts = new Mounts(deps.removal.mounts)
    this.#gone = new GoneFiles(deps.removal, options)
  }

  async run(): Promise<void> {
    const { runs } = this.deps
    const { id } = this.ingestRun
    const { signal, workers } = this.options
    const heartbeat = new Heartbeat(() => runs.producerSeen(id), PRODUCER_SEEN_EVERY_MS)
    try {
      for (let failures = 0; !signal.aborted; ) {
        workers?.assertAlive()
        if (this.#fatal) throw this.#fatal
        try {
          await this.#step()
          failures = 0
        } catch (error) {
          if (signal.aborted) break
          if (!passes(error)) throw error
          this.#note(`${(error as Error).message} Trying again.`)
          this.#wantsWhole = true
          await waitUnlessStopped(backoffMs(failures++, BACKOFF), signal)
        }
        await waitUnlessStopped(TICK_MS, signal)
      }
    } finally {
      for (const folder of this.#folders) folder.close()
      const isDone = this.#following === null
      await workers?.stop()
      await this.#following
      await heartbeat.end(() => runs.producerEnded(id, isDone))
    }
  }

  async #step(): Promise<void> {
    if (Date.now() >= this.#nextFolderLookMs) await this.#lookAtFolders()
    const ready = this.#changes.take()
    if (ready.length > 0) this.#hasRetried = false
    if (this.#wantsWhole || ready.length > MOST_PATHS || Date.now() >= this.#nextRescanMs) await this.#lookAtAll()
    else if (ready.length > 0) await this.#lookAt(ready)
    if (this.#gone.isDue && this.#mayRemove()) await this.#removeGone()
    if (Date.now() >= this.#nextDeletionMs) {
      this.#nextDeletionMs = Date.now() + DELETE_COPIES_MS
      await deleteRemovedCopies(this.deps.removal, this.options.signal)
    }
    this.#follow()
  }

  /** A file that moved has a new place by now, if nothing is heard for a while. */
  #mayRemove(): boolean {
    const now = Date.now()
    if (this.#goneSinceMs === 0) this.#goneSinceMs = now
    if (now - this.#goneSinceMs > REMOVE_WITHIN_MS) return true
    return this.#changes.size === 0 && now - this.#lastLookEndMs >= QUIET_MS
  }

  async #removeGone(): Promise<void> {
    // A disk that was taken out since the last look took its files along.
    await this.#lookAtFolders()
    if (this.#wantsWhole) return
    const away = this.#away()
    const otherDisks = this.#folders.filter(folder => folder.isOtherDisk).map(({ path }) => path)
    const holds = async () => {
      await this.#lookAtFolders()
      return !this.#wantsWhole && this.#away().length === away.length
    }
    const outcomes = await this.#gone.settle({ folders: this.#present(), away, otherDisks, holds })
    this.#goneSinceMs = 0
    for (const outcome of outcomes) this.options.onRemoved?.(outcome)
  }

  #present(): string[] {
    return this.#folders.filter(folder => folder.isThere).map(({ path }) => path)
  }

  /** Watched folders and disks below them. */
  #away(): string[] {
    const absent = this.#folders.filter(folder => !folder.isThere).map(({ path }) => path)
    return [...absent, ...this.#mounts.away]
  }

  async #lookAtFolders(): Promise<void> {
    for (const folder of this.#folders) {
      const news = await folder.look()
      if (news === 'away')
        this.#note(
          `Expected the folder ${folder.path}, found none. Nothing of it is removed; waiting until it is back.`,
        )
      if (news === 'back' || news === 'replaced') this.#wantsWhole = true
      if (news === 'back' && this.#hasLooked) this.#note(`The folder ${folder.path} is back.`)
      if (news === 'replaced') this.#note(`Another folder, or another disk, is at ${folder.path} now.`)
    }
    const { away, back } = await this.#mounts.look(this.#folders.map(({ path }) => path))
    for (const path of away)
      this.#note(`Expected a disk mounted at ${path}, found none. Nothing of it is removed; waiting until it is back.`)
    for (const path of back) this.#note(`The disk at ${path} is back.`)
    if (back.length > 0) this.#wantsWhole = true
    this.#nextFolderLookMs = Date.now() + LOOK_AT_FOLDERS_MS
  }

  async #lookAtAll(): Promise<void> {
    const seen = new IdSet()
    const folders = this.#present()
    const { copies } = this.options
    async function* files(skipped: ReturnType<typeof noneSkipped>) {
      // One that is away by now is noticed by the next look at the folders.
      for (const folder of folders) if (await isFolder(folder)) yield* readImageFolder(folder, skipped, copies)
    }
    this.#wantsWhole = false
    await this.#enqueue(files, path => void seen.add(path), true)
    for (const folder of folders) await this.#gone.addMissing(folder, path => seen.has(path))
    const pauseMs = this.#folders.some(folder => folder.isBlind) ? BLIND_RESCAN_MS : this.options.rescanMs
    this.#nextRescanMs = Date.now() + pauseMs
    this.#lastLookEndMs = Date.now()
    if (this.#hasLooked) return
    this.#hasLooked = true
    this.options.onWatching?.()
  }

  async #lookAt(paths: readonly string[]): Promise<void> {
    const seen = new Set<string>()
    const folders = this.#present()
    const { copies } = this.options
    async function* files(skipped: ReturnType<typeof noneSkipped>) {
      for (const folder of folders)
        yield* readChangedFiles(
          folder,
          paths.filter(path => isAtOrBelow(path, folder)),
          skipped,
          copies,
        )
    }
    try {
      await this.#enqueue(files, path => void seen.add(path), false)
      const { removals } = this.deps.removal
      this.#gone.add(await vanishedOf((await removals.pathsAmong(paths)).filter(path => !seen.has(path))))
    } catch (error) {
      for (const path of paths) this.#changes.add(path)
      throw error
    }
    this.#lastLookEndMs = Date.now()
  }

  async #enqueue(
    files: (skipped: ReturnType<typeof noneSkipped>) => AsyncIterable<FileRow | BadRow>,
    onSeen: (path: string) => void,
    whole: boolean,
  ): Promise<void> {
    const startedAt = Date.now()
    const { signal, workers, onBadRow, onProgress, onWait } = this.options
    const skipped = noneSkipped()
    // What is in the queue stays there: asked for again, it would be put into other batches.
    const onlyNew = whole && this.#following !== null
    const source: Source = {
      ...{ kind: 'image-folder', folders: this.#present(), skipped, description: '', warnings: [] },
      rows: known =>
        this.#rows(identifyFiles(this.#settledFiles(files(skipped), onSeen), known ?? null), onSeen, onlyNew),
      close: async () => {},
    }
    const batches = batchOptions(this.ingestRun, { workers, onWait, signal })
    const summary = await enqueue(source, this.deps, {
      ...batches,
      // Changes do not wait behind a first look at a large folder.
      priority: this.#hasLooked && batches.priority === 'normal' ? 'high' : batches.priority,
      onlyMissing: true,
      onBatch: id => void this.#asked.push(id),
      onBadRow,
      onProgress,
    })
    this.options.onLooked?.(summary, { whole, seconds: (Date.now() - startedAt) / SECOND })
  }

  /** Leaves out files that are being written. */
  async *#settledFiles(
    files: AsyncIterable<FileRow | BadRow>,
    onSeen: (path: string) => void,
  ): AsyncGenerator<FileRow | BadRow> {
    for await (const row of files) {
      const ageMs = row.file ? Date.now() - Number(row.file.mtimeNs / 1_000_000n) : QUIET_MS
      if (row.file && ageMs >= 0 && ageMs < QUIET_MS) {
        onSeen(row.file.path)
        if (row.raw) onSeen(row.raw.path)
        this.#changes.add(row.file.path)
      } else yield row
    }
  }

  async *#rows(
    rows: AsyncIterable<SourceRow>,
    onSeen: (path: string) => void,
    onlyNew: boolean,
  ): AsyncGenerator<SourceRow> {
    for await (const row of rows) {
      if (row.problem && /\bENOENT\b/.test(row.problem.found)) continue
      if (row.path !== undefined) onSeen(row.path)
      if (row.problem?.code === 'CHANGING') this.#changes.add(row.path!)
      else if (row.problem) yield row
      else {
        if (row.place) this.#gone.expectStrays()
        if (!row.isKnown || !onlyNew) yield row
      }
    }
  }

  /** Follows the run while something is open. */
  #follow(): void {
    if (this.#following || this.#asked.length === 0) return
    const { signal, workers, onRunProgress, onWait } = this.options
    // What is added meanwhile gets a follower of its own, which ends at once if this one has seen it.
    const asked = this.#asked.splice(0)
    const { id } = this.ingestRun
    this.#following = followRun(id, this.deps, {
      ...{ signal, asked, onWait, onProgress: onRunProgress, ownWorkers: workers !== null },
      refill: () => enqueueLost(this.deps, batchOptions(this.ingestRun, this.options)),
    })
      .then(({ run }) => this.#settled(run))
      .catch(error => {
        if (signal.aborted || passes(error)) return
        if (error instanceof AppError && error.code === 'WORKER_FAILED') this.#note(error.message)
        else this.#fatal = error
      })
      .finally(() => {
        this.#following = null
      })
  }

  async #settled({ photos, done, failed }: { photos: number; done: number; failed: number }): Promise<void> {
    const before = this.#told
    this.#told = { photos, done, failed }
    const failures = failed > 0 ? await this.deps.runs.failuresOfRun(this.ingestRun.id) : []
    if (!this.#hasRetried && failures.some(({ code }) => FILE_FAILURES.has(code))) {
      this.#hasRetried = true
      this.#wantsWhole = true
    }
    const since = { photos: photos - before.photos, done: done - before.done, failed: failed - before.failed }
    if (since.done !== 0 || since.failed !== 0)
      this.options.onSettled?.({ ...since, failures: since.failed > 0 ? failures : [] })
  }

  #note(text: string): void {
    this.options.onNote?.(text)
  }
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    stats => stats.isDirectory(),
    () => false,
  )
}

/** Whether time may mend it. */
function passes(error: unknown): boolean {
  if (error instanceof PhotoError || isExhausted(error)) return true
  return (
    error instanceof AppError && (DATABASE_OUTAGES.has(error.code) || /^(QUEUE_|STORE_UNREACHABLE)/.test(error.code))
  )
}
