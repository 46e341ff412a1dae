import { PHOTO_ID_PATTERN } from '../photo.js'

/** Where the copy of a photo is kept: `h512-q65/-N_UwPdUs7E.jpg`. Copies of other settings have other keys. */
export function copyKey(photoId: string, { height, quality }: { height: number; quality: number }): string {
  if (!PHOTO_ID_PATTERN.test(photoId)) throw new RangeError(`expected a photo id, found ${JSON.stringify(photoId)}`)
  return `h${height}-q${quality}/${photoId}.jpg`
}

const COPY_KEY = /^h\d{1,4}-q\d{1,3}\/[A-Za-z0-9_-]{1,64}\.jpg$/

/** Whether a key of the store is that of a copy, and not of something else in the same bucket. */
export function isCopyKey(key: string): boolean {
  return COPY_KEY.test(key)
}

const SCHEME = 'copy:'

/** Address under which a batch names a stored copy instead of the original image. No input can contain it. */
export function copyUrl(key: string): string {
  return `${SCHEME}${key}`
}

/** @returns the key of the stored copy that a URL names; null for any other URL */
export function keyOfCopyUrl(url: string): string | null {
  return url.startsWith(SCHEME) ? url.slice(SCHEME.length) : null
}
