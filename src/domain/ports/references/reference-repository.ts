import type { ModelId } from '../repository.js'

/** Texts that all photos of a model are compared with. */
export interface ReferenceSet {
  /** Different ones. */
  texts: readonly string[]
  /** Texts per photo, the most similar ones, whose mean similarity is its number. */
  k: number
}

export interface ReferenceProgress {
  /** `coming`: searches do not use it yet. */
  state: 'current' | 'coming'
  k: number
  /** Weight of the correction in searches that name none; 0: their order is that of the scores. */
  weight: number
  /** Reference texts. */
  texts: number
  /** Embedded photos. */
  photos: number
  /** Photos that were compared with the texts. */
  compared: number
  /** Texts that the model knows: it can tell them apart. The photos are compared with these. */
  knownTexts: number
  /** Null: the photos are not compared yet. */
  cutOff: CutOff | null
}

/** By what searches know which photos show words. */
export interface CutOff {
  /**
   * `deviations`: three standard deviations above the similarity of photos and other texts. `descriptions`: as it agrees
   * best with the descriptions of photos. `none`: nothing tells these photos from others.
   */
  by: 'deviations' | 'descriptions' | 'none'
  /** Reference texts that descriptions of photos name. */
  judged: number
  /** Means over the judged texts of the shares of found photos whose descriptions name the text, and of the latter that are found; null: too few texts. */
  precision: number | null
  recall: number | null
}

/**
 * How similar the photos of a model are to reference texts: searches by words subtract a share of it, so that photos that
 * are near to every text do not come up in every search. The same tells which photos show words. Writing an embedding compares its photo.
 */
export interface ReferenceRepository {
  /** The set that `define` stored last; null: none. */
  find(modelId: ModelId): Promise<ReferenceSet | null>
  /**
   * Stores a set. Searches use it when every photo has been compared; see `compare`.
   * @param embeddings of the texts, [dimension] each
   * @throws AppError USAGE for texts that are empty, too long or twice in the set, and embeddings that do not fit
   */
  define(modelId: ModelId, set: ReferenceSet, embeddings: readonly Float32Array[]): Promise<void>
  /**
   * Compares the photos that are not compared with the set yet, in many transactions, and makes the set current. After an
   * interruption it continues.
   * @param onProgress photos compared so far, by this call
   * @returns photos compared
   */
  compare(modelId: ModelId, onProgress?: (compared: number) => void, signal?: AbortSignal): Promise<number>
  /** @param weight in [0, 2] @throws AppError USAGE, NOT_FOUND: the model has no current set */
  useWeight(modelId: ModelId, weight: number): Promise<void>
  /** Removes the set with what was computed from it. @returns whether there was one */
  drop(modelId: ModelId): Promise<boolean>
  /** Of the set that `define` stored last. */
  progress(modelId: ModelId): Promise<ReferenceProgress | null>
}
