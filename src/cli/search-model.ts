import type { App } from '../compose.js'
import { AppError } from '../domain/errors.js'
import { type ModelIdentity, modelKey } from '../domain/model.js'
import type { ModelId } from '../domain/ports/repository.js'
import type { Context } from './context.js'

/**
 * The model to search with, as the database knows it: the one of --model; else the one that "models use" chose; else the
 * setting MODEL. From then on it is the model of `app`, too, so call it before the model is asked for anything.
 * @throws AppError NOT_EMBEDDED that names the model the database does have; MODEL_UNKNOWN when the chosen one is not known
 * here
 */
export async function modelToSearch({
  app,
  modelNamed,
}: Pick<Context, 'app' | 'modelNamed'>): Promise<{ id: ModelId; identity: ModelIdentity }> {
  const { ingest, models } = await app.repositories()
  const chosen = modelNamed ? null : await models.chosen()
  if (chosen) searchWith(app, modelKey(chosen.identity))
  const wanted = await app.modelIdentity()
  const found = chosen ?? (await ingest.findModel(modelKey(wanted)))
  if (found && found.identity.revision === wanted.revision) return found
  const other = await ingest.latestModel()
  if (other === null)
    throw new AppError(
      'NOT_EMBEDDED',
      'The database holds no embeddings yet. Ingest something first: unsplash-clip ingest INPUT --workers 2',
    )
  if (found)
    throw new AppError(
      'NOT_EMBEDDED',
      `The photos were embedded with revision ${found.identity.revision} of ${modelKey(wanted)}${chosen ? ', which "models use" chose for searches' : ''}; this is revision ${wanted.revision}. Ingest again with --only-missing.`,
    )
  const note =
    other.identity.name === 'demo' ? ' (the demo model: it understands rendered scenes, not photographs)' : ''
  throw new AppError(
    'NOT_EMBEDDED',
    `No photo is embedded with ${modelKey(wanted)} yet. This database has embeddings of ${modelKey(other.identity)}${note}: add --model ${modelKey(other.identity)}, choose it for all searches with "unsplash-clip models use ${modelKey(other.identity)}", or ingest with ${modelKey(wanted)}.`,
  )
}

function searchWith(app: App, key: string): void {
  try {
    app.searchWith(key)
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'MODEL_UNKNOWN')) throw error
    throw new AppError(
      'MODEL_UNKNOWN',
      `This database is searched with ${key}, which "models use" chose and is not known here: name its folder in MODEL_FOLDERS, or search with another model: --model NAME.`,
      { cause: error },
    )
  }
}
