import { BUCKET_HOST, isObjectPath, objectUrl } from '../../domain/places/object-place.js'
import { fileUrl } from '../../domain/places/parquet-row.js'
import type { FileState, KnownPlace, PlacedPhoto, PlaceRepository } from '../../domain/ports/place-repository.js'
import type { ModelId, RefusedRow } from '../../domain/ports/repository.js'
import type { Database, Session } from '../connection.js'
import { toColumns, UPSERT_PHOTOS } from './photo-rows.js'
import { writeAllButRefused } from './refused-rows.js'

const UNCHANGED = `
  select p.path, p.photo_id as "photoId"
    from unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::boolean[])
      as file (path, size, mtime_ns, inode, must_be_embedded)
    join photo_places p on p.host = $1 and p.path = file.path
   where (p.size, p.mtime_ns, p.inode) = (file.size, file.mtime_ns, file.inode) and not p.recheck
     and (not file.must_be_embedded or exists (select from embeddings e where e.photo_id = p.photo_id))`

/** Until the end of the transaction none of them is removed. */
const HOLD_PHOTOS = 'select from photos where photo_id = any ($1::text[]) order by photo_id for key share'

const RECORD = `
  select record_places($1, $2, $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::bigint[], $8::bigint[], $9::boolean[])
      as "photoId"`

const OTHER_PLACES = `
  select distinct on (photo_id) photo_id as "photoId", path from photo_places where photo_id = any ($1::text[])
   order by photo_id, recorded_at desc, path`

const MOVE = `
  update photos p set photo_image_url = moved.url
    from unnest($1::text[], $2::text[]) as moved (photo_id, url)
   where p.photo_id = moved.photo_id and p.photo_image_url <> moved.url`

const CLEAR_FILE_FAILURES = `
  delete from failures
   where model_id = $1 and photo_id = any ($2::text[]) and code in ('FILE_NOT_FOUND', 'CONTENT_CHANGED')`

/** No places for a photo of a folder that lies nowhere any more: its file holds other bytes, or is gone. */
const PLACES_OF = `
  select p.photo_id as "photoId",
         coalesce(json_agg(json_build_object('path', l.path, 'isHere', l.host = any ($2))
                           order by l.host <> all ($2), l.recorded_at desc, l.path) filter (where l.path is not null), '[]') as places
    from photos p left join photo_places l using (photo_id)
   where p.photo_id = any ($1::text[])
     and (l.path is not null or p.photo_image_url ~ '^(file:|s3://)' and p.photo_image_url not like '%#t=%')
   group by p.photo_id`

/** PlaceRepository on Postgres. */
export class PostgresPlaceRepository implements PlaceRepository {
  /** @param host name of this machine, or of places in buckets */
  constructor(
    private readonly database: Database,
    private readonly host: string,
  ) {}

  async unchanged(files: readonly (FileState & { mustBeEmbedded?: boolean })[]): Promise<Map<string, string>> {
    if (files.length === 0) return new Map()
    const rows = await this.database.query<{ path: string; photoId: string }>(UNCHANGED, [
      this.host,
      files.map(file => file.path),
      files.map(file => file.size),
      files.map(file => String(file.mtimeNs)),
      files.map(file => String(file.inode)),
      files.map(file => file.mustBeEmbedded ?? false),
    ])
    return new Map(rows.map(({ path, photoId }) => [path, photoId]))
  }

  async record(runId: string, photos: readonly PlacedPhoto[]): Promise<RefusedRow[]> {
    const { refused } = await writeAllButRefused(photos, async some => {
      await this.database.transaction(session => this.#record(session, runId, some))
      return some.length
    })
    return refused
  }

  async clearFileFailures(modelId: ModelId, photoIds: readonly string[]): Promise<void> {
    await this.database.query(CLEAR_FILE_FAILURES, [modelId, photoIds])
  }

  async placesOf(photoIds: readonly string[]): Promise<Map<string, KnownPlace[]>> {
    const rows = await this.database.query<{ photoId: string; places: KnownPlace[] }>(PLACES_OF, [
      photoIds,
      [this.host, BUCKET_HOST],
    ])
    return new Map(rows.map(({ photoId, places }) => [photoId, places]))
  }

  async #record(session: Session, runId: string, photos: readonly PlacedPhoto[]): Promise<void> {
    // An input may name a file twice.
    const distinct = [...new Map(photos.map(placed => [placed.place.path, placed])).values()]
    const places = distinct.map(({ place }) => place)
    const ids = distinct.map(({ photo }) => photo.photo_id)
    await session.query(HOLD_PHOTOS, [ids])
    await session.query(UPSERT_PHOTOS, toColumns(distinct.map(({ photo }) => photo)))
    const leftBehind = await session.query<{ photoId: string }>(RECORD, [
      this.host,
      runId,
      places.map(place => place.path),
      ids,
      places.map(place => place.digest),
      places.map(place => place.size),
      places.map(place => String(place.mtimeNs)),
      places.map(place => String(place.inode)),
      places.map(place => place.recheck),
    ])
    if (leftBehind.length > 0)
      await moveToOtherPlaces(
        session,
        leftBehind.map(({ photoId }) => photoId),
      )
  }
}

/** The URL of a place, or of a folder. */
export function placeUrl(path: string): string {
  return isObjectPath(path) ? objectUrl(path) : fileUrl(path)
}

/** Points the URLs of photos to places where they still lie. Photos without any keep their last URL. */
export async function moveToOtherPlaces(session: Session, photoIds: readonly string[]): Promise<void> {
  const places = await session.query<{ photoId: string; path: string }>(OTHER_PLACES, [photoIds])
  await session.query(MOVE, [places.map(({ photoId }) => photoId), places.map(({ path }) => placeUrl(path))])
}
