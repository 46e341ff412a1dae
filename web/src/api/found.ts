import type { FoundPhoto } from './schema.js'

/** A photo of a list; the score only where something was searched for. */
export interface Found extends FoundPhoto {
  score?: number
  /** What the order of the hits subtracts from the score; null: their order is not corrected. */
  correction?: number | null
}
