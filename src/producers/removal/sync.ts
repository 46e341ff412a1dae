import { hasPlaces, type Source } from '../input/source.js'
import { Mounts } from '../places/mounts.js'
import type { IdSet } from '../selection/id-set.js'
import { findVanished } from './find-vanished.js'
import { type RemovalDeps, type Removed, removePhotos } from './remove-photos.js'
import { mayGoUnasked } from './unasked.js'

const PATHS_AT_ONCE = 1000

export interface SyncOptions {
  /** Removes whatever is gone. Otherwise a small share of a folder's photos ({@link mayGoUnasked}), none of a table's. */
  isSure: boolean
  /** When the reading of the source began, by the clock of the database: places that were recorded later stay. */
  readFrom: string
  signal?: AbortSignal
}

export interface SyncOutcome extends Removed {
  /** Photos that the source no longer has. */
  vanished: number
  /** Photos of the source in the database before. */
  of: number
  /** Too many vanished: nothing was removed. */
  isRefused: boolean
  /** Disks below the folders that are not mounted any more: what lies there counts as not vanished. */
  disksAway?: string[]
}

/**
 * Removes what a source no longer has. Photos that also lie elsewhere stay, without their vanished places.
 * @param seen paths of the files, or ids of the photos, that the source has
 */
export async function syncWith(
  source: Pick<Source, 'kind' | 'folders'>,
  seen: IdSet,
  deps: RemovalDeps,
  { isSure, readFrom, signal }: SyncOptions,
): Promise<SyncOutcome> {
  const mounts = new Mounts(deps.mounts)
  await mounts.look(source.folders)
  if (isSure) await deps.mounts?.forget(mounts.away)
  const disksAway = isSure ? [] : mounts.away
  const { removals } = deps
  const { paths, goneAt, photoIds, of, files } = await findVanished(source, seen, { removals, disksAway, readFrom })
  const counts = { vanished: photoIds.length, of, ...(disksAway.length > 0 ? { disksAway } : {}) }
  const isLittle = hasPlaces(source.kind)
    ? // One of several folders may be that of a disk which is not mounted.
      mayGoUnasked(photoIds.length, of) && files.every(({ gone, recorded }) => mayGoUnasked(gone, recorded))
    : // Several tables may share a database, and nothing tells their photos apart.
      false
  if (!isSure && !isLittle && photoIds.length > 0) return { ...counts, photos: 0, copies: 0, isRefused: true }
  await forgetPaths(paths, goneAt, deps)
  return {
    ...counts,
    ...(await removePhotos(photoIds, deps, { onlyWithoutPlace: hasPlaces(source.kind), signal })),
    isRefused: false,
  }
}

/** Forgets files that are gone; not those that were recorded after `goneAt`. */
export async function forgetPaths(
  paths: readonly string[],
  goneAt: string,
  { removals }: Pick<RemovalDeps, 'removals'>,
): Promise<void> {
  for (let from = 0; from < paths.length; from += PATHS_AT_ONCE)
    await removals.forget(paths.slice(from, from + PATHS_AT_ONCE), goneAt)
}
