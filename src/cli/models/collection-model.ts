import { AppError } from '../../domain/errors.js'
import { modelKey } from '../../domain/model.js'
import type { ModelRepository } from '../../domain/ports/model-repository.js'
import type { Context } from '../context.js'

/**
 * Where no model is named, a collection goes on with the precision that embedded its photos: with embeddings of one model
 * in the database, and that one of the name of the default, new photos get the same. A database that does not answer is left
 * to the command, which says so or waits.
 */
export async function keepCollectionModel({ app, environment }: Pick<Context, 'app' | 'environment'>): Promise<void> {
  if (environment.MODEL) return
  const only = await onlyModel(app)
  if (only?.identity.name === app.models.spec.name) app.models.prefer(modelKey(only.identity))
}

async function onlyModel(app: Context['app']): ReturnType<ModelRepository['only']> {
  try {
    return await (await app.repositories()).models.only()
  } catch (error) {
    if (error instanceof AppError && error.code === 'DATABASE_UNAVAILABLE') return null
    throw error
  }
}
