import type { ModelIdentity } from '../model.js'
import type { ModelId } from './repository.js'

export interface RegisteredModel {
  id: ModelId
  identity: ModelIdentity
  /** Embedded with it. */
  photos: number
  /** Whether searches use it that name no model. */
  searched: boolean
}

/**
 * The models that a database has embeddings of, side by side. Promises: whoever searches meanwhile uses the one model or the
 * other, never both, and never a part of one.
 */
export interface ModelRepository {
  /** In the order in which they were registered. */
  models(): Promise<RegisteredModel[]>
  /** What `use` chose; null when nothing was chosen, or no longer is. */
  chosen(): Promise<{ id: ModelId; identity: ModelIdentity } | null>
  /**
   * From now on searches that name no model use this one.
   * @param key name, name@precision; null: the model of the newest run again
   * @throws AppError NOT_FOUND (no such model), NOT_EMBEDDED (no photo is embedded with it)
   */
  use(key: string | null): Promise<void>
  /**
   * Drops embeddings, labels, prompts, failures, settings and runs of a model; photos and their copies stay.
   * @returns how many embeddings were dropped
   * @throws AppError NOT_FOUND; USAGE when it is the one that is searched or runs are open with it; DATABASE_BUSY when
   * statements that do not end keep it from being dropped
   */
  retire(key: string): Promise<number>
}
