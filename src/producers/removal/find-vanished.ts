import { stat } from 'node:fs/promises'
import { isObjectPath } from '../../domain/places/object-place.js'
import { parquetRow } from '../../domain/places/parquet-row.js'
import type { RemovalRepository } from '../../domain/ports/removal-repository.js'
import { derivedId } from '../input/derived-id.js'
import { hasPlaces, type Source } from '../input/source.js'
import { stillsOf } from '../places/choose-files.js'
import type { IdSet } from '../selection/id-set.js'

const PAGE = 1000

/** What a source no longer has. */
export interface VanishedPhotos {
  /** Files that are gone, to be forgotten. */
  paths: string[]
  /** Since when, by the clock of the database. */
  goneAt: string
  /** Photos to be removed. */
  photoIds: string[]
  /** Photos of the source in the database, these included. */
  of: number
  /** Of each folder. */
  files: { recorded: number; gone: number }[]
}

/**
 * Finds what a source no longer has: of folders the recorded files that are gone, of tables and URL lists the photos that
 * are not in it. A file counts as gone only if the file system says so, or if the source has its JPEG
 * instead of it: what cannot be looked at stays.
 * @param seen paths of the files, or ids of the photos, that the source has
 * @param options `readFrom`: before the source was read, by the clock of the database: of what others recorded since, it tells
 * nothing; `disksAway`: paths below which nothing counts as gone
 */
export async function findVanished(
  source: Pick<Source, 'kind' | 'folders'>,
  seen: IdSet,
  {
    removals,
    readFrom: goneAt,
    disksAway = [],
  }: { removals: RemovalRepository; readFrom: string; disksAway?: readonly string[] },
): Promise<VanishedPhotos> {
  const isAway = (path: string) => disksAway.some(disk => path.startsWith(`${disk}/`))
  if (!hasPlaces(source.kind)) return { goneAt, ...(await ofTable(source.kind === 'url-list', seen, removals)) }
  const paths: string[] = []
  const files: VanishedPhotos['files'] = []
  for (const folder of source.folders) {
    const before = paths.length
    let recorded = 0
    for await (const page of removals.pathsBelow(folder, PAGE)) {
      recorded += page.length
      paths.push(...(await vanishedOf(page.filter(path => !seen.has(path) && !isAway(path)))))
    }
    files.push({ recorded, gone: paths.length - before })
  }
  return { paths, goneAt, files, ...(await removals.vanishing(source.folders, paths)) }
}

/** A photo of a URL list has an id of its URL; every other one with an address on the network is of a table. */
async function ofTable(
  isUrlList: boolean,
  seen: IdSet,
  removals: RemovalRepository,
): Promise<Omit<VanishedPhotos, 'goneAt'>> {
  const photoIds: string[] = []
  let of = 0
  for await (const page of removals.remotePhotos(PAGE))
    for (const { id, url } of page) {
      if ((derivedId(url) === id) !== isUrlList) continue
      of++
      if (!seen.has(id)) photoIds.push(id)
    }
  return { paths: [], photoIds, of, files: [] }
}

/**
 * The paths among them of which the file system says that they are gone; and the RAW files that were passed over for their JPEG.
 * @param paths recorded, and not among the files of the source
 */
export async function vanishedOf(paths: readonly string[]): Promise<string[]> {
  const gone: string[] = []
  for (let from = 0; from < paths.length; from += PAGE) {
    const some = paths.slice(from, from + PAGE)
    const isGone = await Promise.all(some.map(hasVanished))
    gone.push(...some.filter((_, i) => isGone[i]))
  }
  return gone
}

async function hasVanished(path: string): Promise<boolean> {
  // A listing is complete, or the ingest has failed.
  if (isObjectPath(path)) return true
  const file = parquetRow(path)?.path ?? path
  if (await isGone(file)) return true
  const stills = await Promise.all(stillsOf(file).map(exists))
  return stills.includes(true)
}

function isGone(path: string): Promise<boolean> {
  return stat(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT' || error.code === 'ENOTDIR',
  )
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
