/** The 31 columns of the Unsplash dataset's `photos.tsv`, in its order, with their storage types. */
export const PHOTO_COLUMNS = {
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

/** One row of the dataset. Only the id and the image's URL are always known. */
export type Photo = {
  [C in PhotoColumn]: C extends 'photo_id' | 'photo_image_url' ? string : ColumnValue[(typeof PHOTO_COLUMNS)[C]] | null
}

/** A photo as a worker needs it: its id and the address of its bytes (with the URL template applied). */
export interface PhotoRef {
  id: string
  url: string
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
