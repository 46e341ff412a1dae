import { AppError } from '../../domain/errors.js'
import { type ModelIdentity, modelKey } from '../../domain/model.js'
import type { ModelRepository } from '../../domain/ports/model-repository.js'
import type { Context } from '../context.js'

/**
 * Where no model is named, a collection goes on with its model: the one that was chosen for searches, if this installation
 * knows it; else the precision that embedded its photos: with embeddings of one model in the database, and that one of the
 * name of the default, new photos get the same. A database that does not answer is left to the command, which says so or
 * waits.
 */
export async function keepCollectionModel({ app, environment }: Pick<Context, 'app' | 'environment'>): Promise<void> {
  if (environment.MODEL) return
  const kept = await modelOfCollection(app)
  if (kept !== null) app.models.prefer(kept)
}

/** @returns its key; null: that of the settings */
async function modelOfCollection(app: Context['app']): Promise<string | null> {
  try {
    const { models } = await app.repositories()
    const chosen = await models.chosen()
    if (chosen && app.models.known.some(spec => modelKey(spec) === modelKey(chosen.identity)))
      return modelKey(chosen.identity)
    const only = await models.only()
    return only?.identity.name === app.models.spec.name ? modelKey(only.identity) : null
  } catch (error) {
    if (error instanceof AppError && error.code === 'DATABASE_UNAVAILABLE') return null
    throw error
  }
}

/**
 * While another model embeds a collection again, searches that name no model stay with the only one that it had: that of
 * the newest run has few photos at first.
 */
export async function keepSearchedModel(
  { app, out }: Pick<Context, 'app' | 'out'>,
  next: ModelIdentity,
): Promise<void> {
  const { models }: { models: ModelRepository } = await app.repositories()
  const only = (await models.chosen()) === null ? await models.only() : null
  if (only === null || modelKey(only.identity) === modelKey(next)) return
  await models.use(modelKey(only.identity))
  out.note(`Searches stay with ${modelKey(only.identity)} until: unsplash-clip models use ${modelKey(next)}`)
}
