import { AppError } from '../domain/errors.js'
import { type ModelIdentity, modelKey } from '../domain/model.js'
import type { ModelId } from '../domain/ports/repository.js'
import type { Context } from './context.js'

/**
 * The model of the settings, as the database knows it.
 * @throws AppError NOT_EMBEDDED that names the model the database does have
 */
export async function modelToSearch({ app }: Context): Promise<{ id: ModelId; identity: ModelIdentity }> {
  const wanted = await app.modelIdentity()
  const { ingest } = await app.repositories()
  const found = await ingest.findModel(modelKey(wanted))
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
      `The photos were embedded with revision ${found.identity.revision} of ${modelKey(wanted)}, this is revision ${wanted.revision}. Ingest again with --only-missing.`,
    )
  const note =
    other.identity.name === 'demo' ? ' (the demo model: it understands rendered scenes, not photographs)' : ''
  throw new AppError(
    'NOT_EMBEDDED',
    `No photo is embedded with ${modelKey(wanted)} yet. This database has embeddings of ${modelKey(other.identity)}${note}: add --model ${modelKey(other.identity)}, or ingest with ${modelKey(wanted)}.`,
  )
}
