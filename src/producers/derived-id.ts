import { createHash } from 'node:crypto'

/**
 * Id for a photo that has none of its own: 96 bits of the SHA-256 of what identifies it, so that it is the same every
 * time. Sixteen characters, so that it cannot be mistaken for one of Unsplash's, which have eleven.
 */
export function derivedId(identity: string): string {
  return createHash('sha256').update(identity).digest('base64url').slice(0, 16)
}
