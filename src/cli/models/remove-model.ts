import { AppError } from '../../domain/errors.js'
import { formatBytes, formatCount, formatQuantity } from '../../domain/text/format.js'
import type { Context } from '../context.js'
import { registeredModels } from './model-switch.js'

/** The `models remove` command. @returns exit code */
export async function removeModel(context: Context, name: string): Promise<number> {
  const { app, out, signal } = context
  const used = (await registeredModels(context))?.find(({ identity, photos }) => identity.name === name && photos > 0)
  if (used)
    throw new AppError(
      'USAGE',
      `models remove expects a model without embeddings in the database, found ${formatCount(used.photos)} of ${name}. Drop them first: unsplash-clip models retire ${name}@${used.identity.precision}`,
    )
  const { left, ...removed } = await app.models.remove(name, signal)
  out.result(
    { removed: name, source: removed.source, files: removed.files, bytes: removed.bytes, left },
    `${name} is removed: ${formatQuantity(removed.files, 'file')}, ${formatBytes(removed.bytes, 1)}.${left.length > 0 ? ` ${removed.folder} stays, because it has other files: ${left.join(', ')}.` : ''}`,
  )
  return 0
}
