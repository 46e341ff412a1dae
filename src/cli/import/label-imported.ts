import type { LabelSet } from '../../domain/labels.js'
import { formatQuantity } from '../../domain/text/format.js'
import type { SearchModel } from '../../search/search-model.js'
import { storePrompts } from '../../workers/stages/label.js'
import type { Context } from '../context.js'
import { openTextEncoder } from '../open-search.js'
import { Progress } from '../print/progress.js'

/**
 * Predicts label sets for the photos that lack labels, as workers do for the photos that they embed.
 * @throws AppError of the encoder: the vectors are imported all the same
 */
export async function labelImported(context: Context, model: SearchModel, sets: readonly LabelSet[]): Promise<void> {
  const { app, out, signal } = context
  const { labels } = await app.repositories()
  for (const set of sets) {
    if (!(await labels.hasPrompts(model.id, set)))
      await storePrompts(labels, await openTextEncoder(context, model), model.id, set)
    const before = await labels.labelProgress(model.id, set.name)
    const progress = new Progress(`label ${set.name}`)
    const show = (labelled: number) =>
      progress.update({ total: before?.photos ?? null, done: (before?.labelled ?? 0) + labelled, failed: 0 })
    const labelled = await labels.labelPhotos(model.id, set.name, show, signal).finally(() => progress.end())
    out.result(
      { model: model.key, set: set.name, labelled },
      `${set.name}: ${formatQuantity(labelled, 'photo')} labelled.`,
    )
  }
}
