import { AppError } from '../../domain/errors.js'
import { modelKey } from '../../domain/model.js'
import type { RegisteredModel } from '../../domain/ports/model-repository.js'
import { formatCount, formatQuantity } from '../../domain/text/format.js'
import { findRegistered, switchSearchModel } from '../../search/switch-model.js'
import type { Context } from '../context.js'
import { confirm } from '../print/confirm.js'
import { refuseGaps } from './switch-gaps.js'

/**
 * The `models use` command.
 * @param key null: return to the model of the newest run
 * @param anyway also a model with which searches find less than now
 * @returns exit code
 */
export async function useModel(context: Context, key: string | null, anyway: boolean): Promise<number> {
  const { app, out } = context
  const { models } = await app.repositories()
  if (key !== null && !anyway) await refuseGaps(context, key)
  const searched = await switchSearchModel(models, key)
  const name = searched === null ? null : modelKey(searched.identity)
  out.result(
    { model: name, photos: searched?.photos ?? 0, chosen: key !== null },
    key === null
      ? `No model is chosen any more. SQL searches the model of the newest run${name === null ? '' : `, ${name}`}; the commands search the setting MODEL, ${app.config.MODEL}.`
      : `Searches now use ${name}, with ${formatCount(searched!.photos)} embedded photos. A command with --model, and SQL with model => …, use the named model. ${whatIngests(context, name!)}`,
  )
  return 0
}

/** Photos that another model embeds from now on are not found. */
function whatIngests({ app, environment }: Context, searched: string): string {
  if (!environment.MODEL) return 'Ingests and workers for which no model is named use it too.'
  const isSearched = app.models.known.some(
    spec =>
      modelKey(spec) === searched && [searched, ...(spec.isDefault ? [spec.name] : [])].includes(app.config.MODEL),
  )
  return isSearched
    ? 'So do ingests and workers with the setting MODEL.'
    : `The setting MODEL is ${app.config.MODEL} here: ingests and workers with it add photos that these searches do not find. Set MODEL=${searched}.`
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
