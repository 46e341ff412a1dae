import { createHash } from 'node:crypto'

/**
 * Id for a photo without one: 96 bits of the SHA-256 of its identifying text, so that it is always the same. Its
 * sixteen characters cannot be confused with Unsplash's ids of eleven.
 */
export function derivedId(identity: string): string {
  return createHash('sha256').update(identity).digest('base64url').slice(0, 16)
}
