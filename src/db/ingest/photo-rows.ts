import { type ColumnType, PHOTO_COLUMNS, type Photo, type PhotoColumn } from '../../domain/photo.js'

export const COLUMN_NAMES = Object.keys(PHOTO_COLUMNS) as PhotoColumn[]

export const SQL_TYPES: Record<ColumnType, string> = {
  text: 'text',
  timestamp: 'timestamp',
  boolean: 'boolean',
  integer: 'integer',
  bigint: 'bigint',
  number: 'double precision',
}

const KNOWN_OR_NEW = COLUMN_NAMES.slice(1).map(column => `coalesce(excluded.${column}, p.${column})`)

/**
 * $1 … $31: one array per column. Null never replaces a known value. Unchanged rows are not written, so a second ingest
 * leaves no dead rows.
 */
export const UPSERT_PHOTOS = `
  insert into photos as p (${COLUMN_NAMES.join(', ')})
  select * from unnest(${COLUMN_NAMES.map((column, i) => `$${i + 1}::${SQL_TYPES[PHOTO_COLUMNS[column]]}[]`).join(', ')})
      as new (${COLUMN_NAMES.join(', ')})
   order by photo_id collate "C"
  on conflict (photo_id) do update
     set ${COLUMN_NAMES.slice(1)
       .map((column, i) => `${column} = ${KNOWN_OR_NEW[i]}`)
       .join(', ')}
   where (${COLUMN_NAMES.slice(1)
     .map(column => `p.${column}`)
     .join(', ')}) is distinct from (${KNOWN_OR_NEW.join(', ')})`

/** Column list of a photo for a `select`, from the table alias `p`. */
export const SELECT_PHOTO = COLUMN_NAMES.map(column => `p.${column}`).join(', ')

/** Returns one array per column, for UPSERT_PHOTOS. Merges duplicate photos; later known values win. */
export function toColumns(photos: readonly Photo[]): unknown[][] {
  const merged = new Map<string, Photo>()
  for (const photo of photos) {
    const earlier = merged.get(photo.photo_id)
    merged.set(photo.photo_id, earlier === undefined ? photo : merge(earlier, photo))
  }
  const rows = [...merged.values()]
  return COLUMN_NAMES.map(column => rows.map(row => storable(row[column])))
}

/** Returns the photo's columns of a wider row. */
export function toPhoto(row: Record<string, unknown>): Photo {
  return Object.fromEntries(COLUMN_NAMES.map(column => [column, row[column] ?? null])) as unknown as Photo
}

function merge(earlier: Photo, later: Photo): Photo {
  return Object.fromEntries(COLUMN_NAMES.map(column => [column, later[column] ?? earlier[column]])) as unknown as Photo
}

/** Removes the character NUL, which a Postgres text cannot contain. */
export function storable<T>(value: T): T {
  return typeof value === 'string' && value.includes('\0') ? (value.replaceAll('\0', '') as T) : value
}
