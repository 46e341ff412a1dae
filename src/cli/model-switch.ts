import { createInterface } from 'node:readline/promises'
import { AppError } from '../domain/errors.js'
import { modelKey } from '../domain/model.js'
import type { RegisteredModel } from '../domain/ports/model-repository.js'
import type { Context } from './context.js'
import { formatCount } from './output.js'

/** The `models use` command. @param key null: the model of the newest run again. @returns exit code */
export async function useModel({ app, out }: Context, key: string | null): Promise<number> {
  const { models } = await app.repositories()
  await models.use(key)
  const searched = (await models.models()).find(model => model.searched)
  const name = searched === undefined ? null : modelKey(searched.identity)
  out.result(
    { model: name, photos: searched?.photos ?? 0, chosen: key !== null },
    key === null
      ? `Nothing is chosen any more. SQL searches the model of the newest run${name === null ? '' : `, ${name}`}; the commands search the setting MODEL, ${app.config.MODEL}.`
      : `Searches use ${name} from now on: ${formatCount(searched!.photos)} photos are embedded with it. A command with --model, and SQL with model => …, use the one they name. Ingests go on with the setting MODEL.`,
  )
  return 0
}

/** The `models retire` command. On a terminal it asks first, unless `isSure`. @returns exit code */
export async function retireModel(context: Context, key: string, isSure: boolean): Promise<number> {
  const { app, out } = context
  const { models } = await app.repositories()
  if (!isSure && !(await confirms(context, find(await models.models(), key)))) {
    out.note('Nothing was changed.')
    return 1
  }
  const photos = await models.retire(key)
  out.result(
    { retired: key, photos },
    `${key} is retired: ${formatCount(photos)} embeddings are dropped, with their labels, prompts, failures, indexes and runs. The photos and their copies stay.`,
  )
  return 0
}

function find(models: RegisteredModel[], key: string): RegisteredModel | undefined {
  return models.findLast(({ identity }) => modelKey(identity) === key || identity.name === key)
}

async function confirms({ signal }: Context, model: RegisteredModel | undefined): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new AppError('USAGE', 'models retire cannot be undone: on a terminal it asks, elsewhere it expects --yes.')
  // Not in raw mode, in which Ctrl-C would be a character.
  const terminal = createInterface({ input: process.stdin, output: process.stderr, terminal: false })
  try {
    const what = model ? `${formatCount(model.photos)} embeddings of ${modelKey(model.identity)}` : 'this model'
    const answer = await terminal.question(`Drop ${what}, and all that was made from them, for good? [y/N] `, {
      signal,
    })
    return /^y(es)?$/i.test(answer.trim())
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    terminal.close()
  }
}

/** What the database holds, for `models list`; null where the embedded server does not run, or the server does not answer. */
export async function registeredModels({ app, out }: Context): Promise<RegisteredModel[] | null> {
  if (app.embedded && (await app.embeddedStatus()) === null) return null
  try {
    const { models } = await app.repositories()
    return await models.models()
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    out.note(`Which of them the database has embeddings of is not known: ${error.code}: ${error.message}`)
    return null
  }
}
