import pLimit from 'p-limit'
import type { ObjectStore } from '../../domain/ports/object-store.js'
import type { RemovalRepository, RemovedCopy } from '../../domain/ports/removal-repository.js'
import type { MountMemory } from '../places/mount-memory.js'
import { throwIfStopped } from '../queueing/wait-reason.js'

/** Photos per transaction: a fraction of a second in which workers wait for these photos. */
const PHOTOS_AT_ONCE = 2000
/** Transactions under way, of disjoint photos: else one beside many searches would get a small share of the cores. */
const REMOVALS_AT_ONCE = 4
/** Copies per transaction: four requests to S3. A photo that comes back waits for it. */
const COPIES_AT_ONCE = 4000
const LOOKS_AT_ONCE = 16

const STOPPED = 'Stopped. What was removed until here stays removed; the same command goes on.'

export interface RemovalDeps {
  removals: RemovalRepository
  /** Opened when there are copies to delete. */
  store: () => Promise<Pick<ObjectStore, 'deleteAll' | 'has'>>
  /** Where a copy of a photo may lie. */
  copyKey: (photoId: string) => string
  /** Disks that were seen below folders. */
  mounts?: MountMemory
}

export interface Removed {
  photos: number
  copies: number
}

export interface RemovalOptions {
  /** Keeps photos that lie somewhere. */
  onlyWithoutPlace?: boolean
  /** Number of photos removed so far. */
  onProgress?: (photos: number) => void
  signal?: AbortSignal
}

/**
 * Removes photos and deletes their copies. Searches go on meanwhile. Interrupted or killed, it leaves whole photos: each is
 * there with everything or gone, and the copies of the gone ones are deleted by the next removal.
 * @throws AppError INTERRUPTED; PhotoError STORE_FAILED when copies cannot be deleted: their photos are gone
 */
export async function removePhotos(
  photoIds: readonly string[],
  deps: RemovalDeps,
  { onlyWithoutPlace = false, onProgress, signal }: RemovalOptions = {},
): Promise<Removed> {
  let photos = 0
  let begun = 0
  let failure: { error: unknown } | undefined
  const copies = new CopyDeletion(deps, signal)
  const removeMore = async () => {
    while (failure === undefined && begun < photoIds.length) {
      throwIfStopped(signal, STOPPED)
      const some = photoIds.slice(begun, begun + PHOTOS_AT_ONCE)
      begun += PHOTOS_AT_ONCE
      const removed = await deps.removals.remove(some, { onlyWithoutPlace, copyKey: deps.copyKey })
      photos += removed
      copies.start()
      onProgress?.(photos)
    }
  }
  const removing = Array.from({ length: REMOVALS_AT_ONCE }, () =>
    removeMore().catch(error => {
      failure ??= { error }
    }),
  )
  await Promise.all(removing)
  await copies.settled()
  if (failure) throw failure.error
  return { photos, copies: copies.deleted + (await deleteRemovedCopies(deps, signal)) }
}

/** Deletes copies while more photos are removed. What fails is tried again at the end. */
class CopyDeletion {
  deleted = 0
  #running: Promise<void> | null = null
  #hasFailed = false

  constructor(
    private readonly deps: RemovalDeps,
    private readonly signal: AbortSignal | undefined,
  ) {}

  start(): void {
    if (this.#running || this.#hasFailed) return
    this.#running = this.#delete()
      .catch(() => {
        this.#hasFailed = true
      })
      .finally(() => {
        this.#running = null
      })
  }

  async settled(): Promise<void> {
    await this.#running
  }

  async #delete(): Promise<void> {
    for await (const count of deletedCopies(this.deps, this.signal)) this.deleted += count
  }
}

/** Deletes the copies of removed photos, also those that an earlier removal left. @returns their number */
export async function deleteRemovedCopies(deps: RemovalDeps, signal?: AbortSignal): Promise<number> {
  let copies = 0
  for await (const count of deletedCopies(deps, signal)) copies += count
  return copies
}

/** @returns the numbers of copies that each transaction deleted */
async function* deletedCopies({ removals, store }: RemovalDeps, signal?: AbortSignal): AsyncGenerator<number> {
  if (!(await removals.hasRemovedCopies())) return
  const objects = await store()
  const limit = pLimit(LOOKS_AT_ONCE)
  const deleteAll = async (removed: readonly RemovedCopy[]) => {
    // A copy that may be there costs a request more, since S3 does not say whether it deleted anything.
    const areThere = await Promise.all(removed.map(({ key, isCertain }) => isCertain || limit(() => objects.has(key))))
    const keys = removed.filter((_, i) => areThere[i]).map(({ key }) => key)
    await objects.deleteAll(keys)
    return keys.length
  }
  for (;;) {
    throwIfStopped(signal, STOPPED)
    const deleted = await removals.deleteCopies(COPIES_AT_ONCE, deleteAll)
    if (deleted === null) return
    yield deleted
  }
}
