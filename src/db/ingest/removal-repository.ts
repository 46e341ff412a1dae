import { BUCKET_HOST } from '../../domain/places/object-place.js'
import type { RemovalRepository, RemovedCopy, Vanished } from '../../domain/ports/removal-repository.js'
import type { Filter } from '../../domain/ports/search.js'
import type { Database } from '../connection.js'
import { pagesById } from '../keyset-pages.js'
import { filtersJson } from '../search/hit-rows.js'
import { storable } from './photo-rows.js'
import { moveToOtherPlaces, placeUrl } from './place-repository.js'

const COUNT = 'select count(*) as photos from photos'
const EXISTING = 'select photo_id as id from photos where photo_id = any ($1::text[])'
/** $2: this machine, whose files paths and file URLs mean. $3: the addresses, paths as URLs: a video means all of its frames. */
const BY_ADDRESS = `
  select a.address, p.photo_id as id from unnest($1::text[]) as a (address) join photos p on p.photo_image_url = a.address
   where not starts_with(a.address, 'file:') or not exists (select from photo_places l where l.photo_id = p.photo_id)
      or exists (select from photo_places l where l.photo_id = p.photo_id and l.host = $2)
  union select a.address, p.photo_id from unnest($1::text[]) as a (address) join photos p on p.photo_url = a.address
  union select a.address, l.photo_id from unnest($1::text[]) as a (address)
    join photo_places l on l.host = any (array[$2, '${BUCKET_HOST}']) and l.path = a.address
  union select a.address, p.photo_id from unnest($1::text[], $3::text[]) as a (address, url)
    join photos p on split_part(p.photo_image_url, '#t=', 1) = a.url where p.photo_image_url like 'file:%#t=%'`
const MATCHING = 'select id from matching_photos($1::jsonb) as id'
const REMOTE_PHOTOS = `
  select photo_id as id, photo_image_url as url from photos
   where photo_id > $1 and photo_image_url <> '' and photo_image_url !~ '^(file:|s3://)' order by photo_id limit $2`

/** $2, $3: the paths that begin with a folder and a slash come after $2 and before $3. */
const PATHS_BELOW = `
  select path as id from photo_places where host = $1 and path > $2 and path < $3 and path > $4 order by path limit $5`

/** $2: paths; those below a path begin with it and a slash, after which comes the character 0. */
const PATHS_AMONG = `
  select l.path from unnest($2::text[]) as given (path) join photo_places l on l.host = $1 and l.path = given.path
  union select l.path from unnest($2::text[]) as given (path)
    join photo_places l on l.host = $1 and l.path > given.path || '/' and l.path < given.path || '0'`

/** $2: the folders, each with a slash at its end. */
const OF_FOLDERS = `
  select distinct photo_id from photo_places, unnest($2::text[]) as folder (path)
   where host = $1 and starts_with(photo_places.path, folder.path)`
/** Edited files, and photos of versions that knew no places; no frames of videos. $3: the folders as URLs. */
const STRAYS = `
  select photo_id from photos p, unnest($3::text[]) as folder (url)
   where starts_with(p.photo_image_url, folder.url) and p.photo_image_url not like '%#t=%' and not exists (select from photo_places l where l.photo_id = p.photo_id)`
/** $4: the paths that are gone. */
const VANISHING = `
  with strays as materialized (${STRAYS}), gone as materialized (
    select l.photo_id, l.path from unnest($4::text[]) as gone (path) join photo_places l on l.host = $1 and l.path = gone.path
  ), vanishing as (
    select l.photo_id from photo_places l left join gone on l.host = $1 and gone.path = l.path
     where l.photo_id in (select photo_id from gone)
     group by l.photo_id having bool_and(gone.path is not null))
  select (select count(*) from (${OF_FOLDERS} union select photo_id from strays) as all_of_them) as "of",
         array(select photo_id from vanishing union select photo_id from strays order by photo_id) as "photoIds"`

const NOW = 'select clock_timestamp()::text as now'
/** Photos before places, as the recording of a place locks them: else the two could deadlock. */
const HOLD_PHOTOS_AT = `
  select from photos
   where photo_id in (select l.photo_id from photo_places l where l.host = $1 and l.path = any ($2::text[]))
   order by photo_id for no key update`
/** $3: a file that was recorded later has come back. */
const FORGET = `
  delete from photo_places where host = $1 and path = any ($2::text[]) and recorded_at <= $3::timestamptz
  returning photo_id as "photoId"`
const REMOVE = 'select remove_photos($1::text[], $2, $3::text[]) as removed'
const RECOUNT = 'select recount_open_batches($1::text[])'

const HAS_COPIES = 'select exists (select from removed_copies) as has'
/**
 * The insert of a photo that comes back waits for the end of this transaction. Not `exists`: Postgres would hash all photos for
 * each page.
 */
const TAKE_COPIES = `
  delete from removed_copies where key in (select key from removed_copies order by key limit $1 for update skip locked)
  returning key, is_certain as "isCertain",
            (select true from photos p where p.photo_id = removed_copies.photo_id) is not null as "isBack"`

/** RemovalRepository on Postgres. The work is in the functions of `migrations/functions/removal/`. */
export class PostgresRemovalRepository implements RemovalRepository {
  /** @param host name of this machine, or of places in buckets */
  constructor(
    private readonly database: Database,
    private readonly host: string,
  ) {}

  async countPhotos(): Promise<number> {
    const [row] = await this.database.query<{ photos: number }>(COUNT)
    return Number(row!.photos)
  }

  async existing(photoIds: readonly string[]): Promise<string[]> {
    return idsOf(await this.database.query<{ id: string }>(EXISTING, [photoIds]))
  }

  async byAddress(addresses: readonly string[]): Promise<Map<string, string[]>> {
    const rows = await this.database.query<{ address: string; id: string }>(BY_ADDRESS, [
      addresses.map(storable),
      this.host,
      addresses.map(address => storable(address.startsWith('/') ? placeUrl(address) : address)),
    ])
    const found = new Map<string, string[]>()
    for (const { address, id } of rows) found.set(address, [...(found.get(address) ?? []), id])
    return found
  }

  async matching(filters: readonly Filter[]): Promise<string[]> {
    return idsOf(await this.database.query<{ id: string }>(MATCHING, [filtersJson(filters)]))
  }

  remotePhotos(pageSize: number): AsyncIterable<{ id: string; url: string }[]> {
    return pagesById(
      after => this.database.query<{ id: string; url: string }>(REMOTE_PHOTOS, [after, pageSize]),
      pageSize,
    )
  }

  async *pathsBelow(folder: string, pageSize: number): AsyncIterable<string[]> {
    const start = withSlash(folder)
    // The character after the slash.
    const end = `${start.slice(0, -1)}0`
    const pages = pagesById(
      after => this.database.query<{ id: string }>(PATHS_BELOW, [this.host, start, end, after, pageSize]),
      pageSize,
    )
    for await (const page of pages) yield idsOf(page)
  }

  async vanishing(folders: readonly string[], gonePaths: readonly string[]): Promise<Vanished> {
    const [row] = await this.database.query<{ of: number; photoIds: string[] }>(VANISHING, [
      this.host,
      folders.map(withSlash),
      folders.map(folder => withSlash(placeUrl(folder))),
      gonePaths,
    ])
    return { of: Number(row!.of), photoIds: row!.photoIds }
  }

  async pathsAmong(paths: readonly string[]): Promise<string[]> {
    const rows = await this.database.query<{ path: string }>(PATHS_AMONG, [this.host, paths])
    return rows.map(({ path }) => path)
  }

  async now(): Promise<string> {
    const [row] = await this.database.query<{ now: string }>(NOW)
    return row!.now
  }

  async forget(paths: readonly string[], goneAt: string): Promise<void> {
    await this.database.transaction(async session => {
      await session.query(HOLD_PHOTOS_AT, [this.host, paths])
      const forgotten = await session.query<{ photoId: string }>(FORGET, [this.host, paths, goneAt])
      if (forgotten.length > 0)
        await moveToOtherPlaces(
          session,
          forgotten.map(({ photoId }) => photoId),
        )
    })
  }

  async remove(
    photoIds: readonly string[],
    { onlyWithoutPlace, copyKey }: { onlyWithoutPlace: boolean; copyKey: (photoId: string) => string },
  ): Promise<number> {
    const [row] = await this.database.query<{ removed: string[] }>(REMOVE, [
      photoIds,
      onlyWithoutPlace,
      photoIds.map(copyKey),
    ])
    const { removed } = row!
    if (removed.length > 0) await this.database.query(RECOUNT, [removed])
    return removed.length
  }

  async hasRemovedCopies(): Promise<boolean> {
    const [row] = await this.database.query<{ has: boolean }>(HAS_COPIES)
    return row!.has
  }

  async deleteCopies(
    limit: number,
    deleteAll: (copies: readonly RemovedCopy[]) => Promise<number>,
  ): Promise<number | null> {
    return this.database.transaction(
      async session => {
        const taken = await session.query<RemovedCopy & { isBack: boolean }>(TAKE_COPIES, [limit])
        return taken.length === 0 ? null : await deleteAll(taken.filter(({ isBack }) => !isBack))
      },
      { unlimited: true },
    )
  }
}

function idsOf(rows: readonly { id: string }[]): string[] {
  return rows.map(({ id }) => id)
}

function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`
}
