import { AppError } from '../../domain/errors.js'
import type { LabelExample, TrainedLabelSet } from '../../domain/ports/labels/trained-labels.js'
import { formatDuration, formatQuantity } from '../../domain/text/format.js'
import type { SearchModel } from '../../search/search-model.js'
import type { Context } from '../context.js'
import { bars } from '../print/output.js'
import { Progress } from '../print/progress.js'

/** Stores a trained label set, labels every photo with it, and prints the histogram. @throws AppError INTERRUPTED */
export async function applyTrainedSet(
  { app, out, signal }: Context,
  model: SearchModel,
  set: TrainedLabelSet,
  examples: readonly LabelExample[] = [],
): Promise<void> {
  const { labels, trainedLabels } = await app.repositories()
  const isCurrent = await trainedLabels.save(model.id, set, examples)
  const before = await labels.labelProgress(model.id, set.name)
  const progress = new Progress(`label ${set.name}`)
  const note = isCurrent ? '' : 'the old labels stay visible until the end'
  const show = (labelled: number) =>
    progress.update({ total: before?.photos ?? null, done: (before?.labelled ?? 0) + labelled, failed: 0 }, note)
  const labelled = await labels.labelPhotos(model.id, set.name, show, signal).catch(error => {
    progress.end()
    if (!signal.aborted) throw error
    throw new AppError(
      'INTERRUPTED',
      `${set.name} is stored, and not all photos are labelled with it. Continue with: unsplash-clip labels predict ${set.name}`,
    )
  })
  const seconds = progress.end()
  out.text(`${formatQuantity(labelled, 'photo')} labelled with ${model.key} in ${formatDuration(seconds)}.\n`)
  const counts = await labels.histogram(model.id, set.name)
  if (out.json) for (const { label, photos } of counts) out.result({ set: set.name, label, photos }, '')
  else out.text(bars(counts.map(({ label, photos }) => ({ label, count: photos }))))
}
