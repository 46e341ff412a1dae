import type { FoundPhoto } from './schema.js'

/** A photo of a list; the score only where something was searched for. */
export interface Found extends FoundPhoto {
  score?: number
}
