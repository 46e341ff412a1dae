import { AppError } from '../../domain/errors.js'
import { modelKey } from '../../domain/model.js'
import type { RegisteredModel, SwitchGaps } from '../../domain/ports/model-repository.js'
import { formatQuantity } from '../../domain/text/format.js'
import { findRegistered } from '../../search/switch-model.js'
import type { Context } from '../context.js'
import { chooseModel } from '../open-search.js'

/**
 * Refuses a model with which searches would find less than now, and says what to run first.
 * @param key of the model; one that the database does not know passes
 * @throws AppError USAGE
 */
export async function refuseGaps(context: Context, key: string): Promise<void> {
  const { models } = await context.app.repositories()
  const next = findRegistered(await models.models(), key)
  if (next === undefined || next.photos === 0) return
  const now = await searchedNow(context)
  if (now === null || now.id === next.id) return
  const wanting = describeGaps(await models.gaps(now.id, next.id), next)
  if (wanting.length === 0) return
  throw new AppError(
    'USAGE',
    `${modelKey(next.identity)} lacks what searches find now with ${now.key}: ${wanting.join('; ')}. Run that first, or choose it as it is with --anyway.`,
  )
}

/** Null: no model answers now. */
async function searchedNow(context: Context) {
  try {
    return await chooseModel(context)
  } catch (error) {
    if (error instanceof AppError && ['NOT_EMBEDDED', 'MODEL_UNKNOWN'].includes(error.code)) return null
    throw error
  }
}

function describeGaps({ photos, copies, labelSets, ownLabelSets, noIndex }: SwitchGaps, { identity }: RegisteredModel) {
  const model = `--model ${modelKey(identity)}`
  const fromCopies = photos > 0 && copies === photos ? ' --from-copies' : ''
  return [
    ...(photos > 0
      ? [
          `embeddings of ${formatQuantity(photos, 'photo')} (unsplash-clip ingest --only-missing${fromCopies} ${model} --processes 2)`,
        ]
      : []),
    ...labelSets.map(set => `the label set ${set} (unsplash-clip labels predict ${set} ${model})`),
    ...ownLabelSets.map(
      set => `the label set ${set}, which was taught or made of clusters (make it again with ${model})`,
    ),
    ...(noIndex ? [`an index (unsplash-clip index build ${model}, then unsplash-clip index tune ${model})`] : []),
  ]
}
