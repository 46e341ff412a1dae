import { createHash } from 'node:crypto'

/** Characters of 6 bits each: 96 bits. */
const LENGTH = 16

/**
 * Id of a photo that is identified by its bytes: the first 96 bits of their SHA-256, in base64url. Its sixteen characters
 * cannot be confused with Unsplash's ids of eleven.
 * @param digest SHA-256, 32 bytes
 */
export function contentId(digest: Buffer): string {
  return digest.toString('base64url').slice(0, LENGTH)
}

/** Whether bytes are those of the photo with this id. */
export function isContentOf(photoId: string, bytes: Uint8Array): boolean {
  return contentId(createHash('sha256').update(bytes).digest()) === photoId
}
