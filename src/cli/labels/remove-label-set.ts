import { modelKey } from '../../domain/model.js'
import { formatQuantity } from '../../domain/text/format.js'
import type { Context } from '../context.js'
import { chooseModel } from '../open-search.js'
import { confirmed } from '../removal/confirmed.js'

/** The `labels rm` command. Asks on a terminal, unless `isSure`. @returns exit code */
export async function removeLabelSet(context: Context, set: string, isSure: boolean): Promise<number> {
  const { app, out } = context
  const model = await chooseModel(context)
  const { labels } = await app.repositories()
  const key = modelKey(model.identity)
  if (!(await confirmed(context, isSure, 'labels rm', `Remove the label set ${set} of ${key}, with its labels?`)))
    return 1
  const removed = await labels.removeSet(model.id, set)
  out.result(
    { removed: set, model: key, labels: removed },
    `Removed the label set ${set} of ${key}, with ${formatQuantity(removed, 'label')}.`,
  )
  return 0
}
