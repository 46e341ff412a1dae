import { modelKey } from '../../domain/model.js'
import type { Context } from '../context.js'

/**
 * Where no model is named, a collection goes on with the precision that embedded its photos: with embeddings of one model
 * in the database, and that one of the name of the default, new photos get the same.
 */
export async function keepCollectionModel({ app, environment }: Pick<Context, 'app' | 'environment'>): Promise<void> {
  if (environment.MODEL) return
  const only = await (await app.repositories()).models.only()
  if (only?.identity.name === app.models.spec.name) app.models.prefer(modelKey(only.identity))
}
