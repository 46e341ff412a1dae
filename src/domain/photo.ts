/** The 31 columns of the Unsplash dataset's `photos.tsv`, in its order, with their storage types. */
export const DATASET_COLUMNS = {
  photo_id: 'text',
  photo_url: 'text',
  photo_image_url: 'text',
  photo_submitted_at: 'timestamp',
  photo_featured: 'boolean',
  photo_width: 'integer',
  photo_height: 'integer',
  photo_aspect_ratio: 'number',
  photo_description: 'text',
  photographer_username: 'text',
  photographer_first_name: 'text',
  photographer_last_name: 'text',
  exif_camera_make: 'text',
  exif_camera_model: 'text',
  exif_iso: 'integer',
  exif_aperture_value: 'text',
  exif_focal_length: 'text',
  exif_exposure_time: 'text',
  photo_location_name: 'text',
  photo_location_latitude: 'number',
  photo_location_longitude: 'number',
  photo_location_country: 'text',
  photo_location_city: 'text',
  stats_views: 'bigint',
  stats_downloads: 'bigint',
  ai_description: 'text',
  ai_primary_landmark_name: 'text',
  ai_primary_landmark_latitude: 'number',
  ai_primary_landmark_longitude: 'number',
  ai_primary_landmark_confidence: 'number',
  blur_hash: 'text',
} as const satisfies Record<string, ColumnType>

/** Columns for what files say about themselves and the dataset does not have. */
export const FILE_COLUMNS = {
  photo_title: 'text',
  photo_rating: 'integer',
  exif_lens: 'text',
  exif_time_offset: 'text',
  exif_orientation: 'integer',
} as const satisfies Record<string, ColumnType>

/** The metadata columns of a photo. */
export const PHOTO_COLUMNS = { ...DATASET_COLUMNS, ...FILE_COLUMNS } as const

export type ColumnType = 'text' | 'timestamp' | 'boolean' | 'integer' | 'bigint' | 'number'
export type PhotoColumn = keyof typeof PHOTO_COLUMNS

/** TypeScript type per column type; `timestamp` is the dataset's text, `bigint` a safe integer. */
interface ColumnValue {
  text: string
  timestamp: string
  boolean: boolean
  integer: number
  bigint: number
  number: number
}

/** One photo. Only the id and the image's URL are always known. */
export type Photo = {
  [C in PhotoColumn]: C extends 'photo_id' | 'photo_image_url' ? string : ColumnValue[(typeof PHOTO_COLUMNS)[C]] | null
}

/** What the file of a photo says about it: known columns, and keywords. */
export interface FileMetadata {
  columns: Partial<Omit<Photo, 'photo_id' | 'photo_image_url'>>
  keywords: string[]
}

/** A photo as a worker needs it. */
export interface PhotoRef {
  id: string
  /** Address of its bytes, with its URL template applied; with `template`, the image URL for that. */
  url: string
  /**
   * URL template that names environment variables. Workers apply it, so that queue and database hold no value of a
   * variable.
   */
  template?: string
}

/** A photo of the database with the URL template that it was last ingested with; null: none. */
export interface StoredPhotoRef extends Omit<PhotoRef, 'template'> {
  template: string | null
}

/** Unsplash ids have 11 such characters. Ids that the producers generate for other inputs use the same alphabet. */
export const PHOTO_ID_PATTERN = /^[A-Za-z0-9_-]{1,64}$/

/** Returns a photo without metadata. */
export function barePhoto(id: string, imageUrl: string): Photo {
  const photo = Object.fromEntries(Object.keys(PHOTO_COLUMNS).map(column => [column, null])) as unknown as Photo
  photo.photo_id = id
  photo.photo_image_url = imageUrl
  return photo
}
