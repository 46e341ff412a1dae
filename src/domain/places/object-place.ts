import { createHash } from 'node:crypto'
import { contentId } from '../content-id.js'
import type { ListedObject, ObjectAddress } from '../ports/object-reader.js'

/** Name under which places in buckets are recorded, which lie on no machine. */
export const BUCKET_HOST = 's3'

const SCHEME = 's3://'

/** `s3://bucket/key`, with the key as it is. */
export function objectPath({ bucket, key }: ObjectAddress): string {
  return `${SCHEME}${bucket}/${key}`
}

/** Whether a place, a folder or an input is that of a bucket. */
export function isObjectPath(path: string): boolean {
  return path.startsWith(SCHEME)
}

/** @param path as {@link objectPath} gives it; a bucket alone has an empty key */
export function objectAt(path: string): ObjectAddress {
  const [bucket = '', ...rest] = path.slice(SCHEME.length).split('/')
  return { bucket, key: rest.join('/') }
}

/** The URL of a photo in a bucket: the path with the key percent-encoded. */
export function objectUrl(path: string): string {
  const { bucket, key } = objectAt(path)
  return `${SCHEME}${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`
}

/** @returns the path that a URL of {@link objectUrl} names; null for any other URL */
export function pathOfObjectUrl(url: string): string | null {
  if (!isObjectPath(url)) return null
  try {
    return SCHEME + url.slice(SCHEME.length).split('/').map(decodeURIComponent).join('/')
  } catch {
    return null
  }
}

/**
 * Identity of an object's content: the SHA-256 of its ETag and size. Where the server does not encrypt with a key of KMS, the
 * ETag of an object that was uploaded in one part is the MD5 of its bytes, so equal objects are one photo wherever they lie.
 */
export function objectDigest({ etag, size }: Pick<ListedObject, 'etag' | 'size'>): Buffer {
  return createHash('sha256').update(`${etag}\n${size}`).digest()
}

/** Whether an object is the photo with this id. */
export function isObjectOf(photoId: string, object: Pick<ListedObject, 'etag' | 'size'>): boolean {
  return contentId(objectDigest(object)) === photoId
}
