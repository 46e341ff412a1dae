import { createHash } from 'node:crypto'
import { contentId } from '../../domain/content-id.js'

/** Id for a photo of a URL list: from the SHA-256 of its URL, so that it is always the same. */
export function derivedId(identity: string): string {
  return contentId(createHash('sha256').update(identity).digest())
}
