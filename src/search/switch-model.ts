import { modelKey } from '../domain/model.js'
import type { ModelRepository, RegisteredModel } from '../domain/ports/model-repository.js'

/**
 * Chooses the model of searches that name none.
 * @param key name or name@precision; null: the model of the newest run
 * @returns the model that searches use now; null in a database without embeddings
 * @throws AppError NOT_FOUND, NOT_EMBEDDED
 */
export async function switchSearchModel(
  models: Pick<ModelRepository, 'use' | 'models'>,
  key: string | null,
): Promise<RegisteredModel | null> {
  await models.use(key)
  return (await models.models()).find(model => model.searched) ?? null
}

/** @param key name or name@precision; a bare name finds the model that was registered last */
export function findRegistered(models: readonly RegisteredModel[], key: string): RegisteredModel | undefined {
  return models.findLast(({ identity }) => modelKey(identity) === key || identity.name === key)
}
