import { AppError } from '../../domain/errors.js'
import { modelKey } from '../../domain/model.js'
import type { RegisteredModel } from '../../domain/ports/model-repository.js'
import { formatCount, formatQuantity } from '../../domain/text/format.js'
import { findRegistered, switchSearchModel } from '../../search/switch-model.js'
import type { Context } from '../context.js'
import { confirm } from '../print/confirm.js'

/** The `models use` command. @param key null: return to the model of the newest run. @returns exit code */
export async function useModel({ app, out }: Context, key: string | null): Promise<number> {
  const { models } = await app.repositories()
  const searched = await switchSearchModel(models, key)
  const name = searched === null ? null : modelKey(searched.identity)
  out.result(
    { model: name, photos: searched?.photos ?? 0, chosen: key !== null },
    key === null
      ? `No model is chosen any more. SQL searches the model of the newest run${name === null ? '' : `, ${name}`}; the commands search the setting MODEL, ${app.config.MODEL}.`
      : `Searches now use ${name}, with ${formatCount(searched!.photos)} embedded photos. A command with --model, and SQL with model => …, use the named model. Ingests still use the setting MODEL.`,
  )
  return 0
}

/** The `models retire` command. Asks on a terminal, unless `isSure`. @returns exit code */
export async function retireModel(context: Context, key: string, isSure: boolean): Promise<number> {
  const { app, out } = context
  const { models } = await app.repositories()
  if (!isSure && !(await isConfirmed(context, findRegistered(await models.models(), key)))) {
    out.note('Nothing changed.')
    return 1
  }
  const photos = await models.retire(key)
  out.result(
    { retired: key, photos },
    `${key} is retired: ${formatQuantity(photos, 'embedding is', 'embeddings are')} dropped, with their labels, prompts, failures, indexes and runs. The photos and their copies stay.`,
  )
  return 0
}

async function isConfirmed({ signal }: Context, model: RegisteredModel | undefined): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new AppError('USAGE', 'models retire cannot be undone: it asks on a terminal, and expects --yes elsewhere.')
  const what = model ? `${formatQuantity(model.photos, 'embedding')} of ${modelKey(model.identity)}` : 'this model'
  return confirm(`Drop ${what}, and everything made from them, permanently?`, signal)
}

/** The models of the database, for `models list`; null while the embedded server is stopped or the server is unreachable. */
export async function registeredModels({ app, out }: Context): Promise<RegisteredModel[] | null> {
  if (app.database.embedded && (await app.database.embeddedStatus()) === null) return null
  try {
    const { models } = await app.repositories()
    return await models.models()
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    out.note(`Could not read which models the database has embeddings of: ${error.code}: ${error.message}`)
    return null
  }
}
