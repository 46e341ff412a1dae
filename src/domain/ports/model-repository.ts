import type { ModelIdentity } from '../model.js'
import type { ModelId } from './repository.js'

export interface RegisteredModel {
  id: ModelId
  identity: ModelIdentity
  /** Photos with an embedding of this model. */
  photos: number
  /** Whether searches without a model name use it. */
  searched: boolean
}

/** What searches find with one model and not with another. */
export interface SwitchGaps {
  /** Photos without an embedding. `copies`: those of them that have a stored copy. */
  photos: number
  copies: number
  /** Label sets made of words, and those that were taught or made of clusters. */
  labelSets: string[]
  ownLabelSets: string[]
  /** Whether searches with the former use an index, and with the other none. */
  noIndex: boolean
}

/**
 * The models with embeddings in a database. Promises: a concurrent search uses either one model or the other, never
 * both, and never a part of one.
 */
export interface ModelRepository {
  /** Models in order of registration. */
  models(): Promise<RegisteredModel[]>
  /** The model that `use` chose; null when there is none, or none any more. */
  chosen(): Promise<{ id: ModelId; identity: ModelIdentity } | null>
  /**
   * The model of a search that names none: the chosen one, else the only one; null when there is neither.
   * @param prompts texts of the search @returns `stored`: whether each has a stored embedding; see PromptRepository
   * @throws AppError USAGE for a text that cannot be a prompt
   */
  answering(
    prompts: readonly string[],
  ): Promise<{ id: ModelId; identity: ModelIdentity; stored: readonly boolean[] } | null>
  /** The model of all embeddings; null when there are none, or those of several models. */
  only(): Promise<{ id: ModelId; identity: ModelIdentity } | null>
  /** What the model `to` lacks of what `from` has. */
  gaps(from: ModelId, to: ModelId): Promise<SwitchGaps>
  /**
   * Makes this model the one for searches without a model name.
   * @param key name, name@precision; null: the model of the newest run again
   * @throws AppError NOT_FOUND (no such model), NOT_EMBEDDED (no photo is embedded with it)
   */
  use(key: string | null): Promise<void>
  /**
   * Drops embeddings, labels, prompts, failures, settings and runs of a model. Photos and their copies stay.
   * @returns the number of dropped embeddings
   * @throws AppError NOT_FOUND; USAGE when searches use the model or it has open runs; DATABASE_BUSY when statements
   * that do not end block the drop
   */
  retire(key: string): Promise<number>
}
