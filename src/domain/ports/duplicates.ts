import type { ModelId } from './repository.js'
import type { Filter, LabelFilter } from './search.js'

export interface DuplicateOptions {
  /** Least cosine similarity of a pair, in [0, 1]. */
  threshold: number
  labels?: readonly LabelFilter[]
  /** Both photos of a pair fulfil these. */
  where?: readonly Filter[]
  /**
   * `exact` compares all with all; `index` asks the index for image queries for the neighbours of each photo, and may miss a
   * pair. Unless told: exact up to 10,000 photos and where there is no such index.
   */
  method?: 'exact' | 'index'
  /** Pairs found from one photo at most, with an index; 20 unless told. */
  neighbours?: number
}

export interface DuplicatePair {
  /** Before `otherId` by its bytes. */
  photoId: string
  otherId: string
  /** Cosine similarity of their embeddings. */
  score: number
}

/** Photos that pairs connect. */
export interface DuplicateGroup {
  /** The first of `members`: the one with the most pixels, of several the one submitted first. */
  representativeId: string
  /** By falling similarity to the representative. */
  members: { photoId: string; score: number }[]
}

/** Pairs and groups of photos that look the same to the model. */
export interface DuplicateRepository {
  /**
   * Every pair once, in no order. In steps, each a statement of its own, so that a large collection shows progress, can be
   * stopped between two of them, and holds nobody up who shares the session. Rejects with AppError USAGE, FILTER_INVALID.
   * @param onProgress photos searched so far, of all that are embedded
   */
  pairs(
    modelId: ModelId,
    options: DuplicateOptions,
    onProgress?: (searched: number, photos: number) => void,
    signal?: AbortSignal,
  ): AsyncIterable<DuplicatePair>
  /** The groups that pairs make, the largest first. */
  groups(modelId: ModelId, pairs: readonly DuplicatePair[]): Promise<DuplicateGroup[]>
}
