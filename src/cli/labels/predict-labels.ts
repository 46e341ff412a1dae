import { AppError } from '../../domain/errors.js'
import type { LabelSet } from '../../domain/labels.js'
import type { LabelProgress, ModelId } from '../../domain/ports/repository.js'
import { formatCount, formatDuration, formatQuantity } from '../../domain/text/format.js'
import { requireTextTower } from '../../domain/text-tower.js'
import { storePrompts } from '../../workers/stages/label.js'
import type { Context } from '../context.js'
import { chooseModel, openTextEncoder } from '../open-search.js'
import { listLabelSetNames, readLabelSet } from '../options/label-files.js'
import { bars } from '../print/output.js'
import { Progress } from '../print/progress.js'
import { describeUnknownWords } from './unknown-words.js'

/**
 * The `labels predict` command.
 * @param nameOrPath name of a label set, or path of a label set file.
 * @returns exit code
 */
export async function predictLabels(context: Context, nameOrPath: string): Promise<number> {
  const { app, out, signal } = context
  const file = readLabelSetFile(nameOrPath, app.labelFolders)
  const model = await chooseModel(context).catch(error => {
    // A mistyped name is wrong whatever the database holds.
    throw file instanceof AppError && error instanceof AppError && error.code === 'NOT_EMBEDDED' ? file : error
  })
  const { labels } = await app.repositories()
  const set = file instanceof AppError ? await storedLabelSet(nameOrPath, model.id, context, file) : file
  // The weights of a trained set are no words.
  if (!set.training)
    requireTextTower(
      model.spec,
      `predict ${set.name}`,
      'Name a model with a text tower that has embedded the photos: --model NAME.',
    )
  if (!(await labels.hasPrompts(model.id, set))) {
    const encoder = await openTextEncoder(context, model)
    await storePrompts(labels, encoder, model.id, set)
  }

  const before = await labels.labelProgress(model.id, set.name)
  const progress = new Progress(`label ${set.name}`)
  const note = before?.coming ? 'the old labels stay visible until the end' : ''
  const show = (labelled: number) => {
    const done = (before?.labelled ?? 0) + labelled
    progress.update({ total: before?.photos ?? null, done, failed: 0 }, note)
  }
  const labelled = await labels.labelPhotos(model.id, set.name, show, signal).catch(async error => {
    progress.end()
    if (!signal.aborted) throw error
    throw new AppError('INTERRUPTED', howToContinue(await labels.labelProgress(model.id, set.name), nameOrPath))
  })
  const seconds = progress.end()
  if (!(await labels.hasPrompts(model.id, set)))
    throw new AppError(
      'NOT_FOUND',
      `Another session cancelled or replaced the definition of ${set.name} meanwhile. The old labels are unchanged. If this definition is the right one, run "unsplash-clip labels predict ${nameOrPath}" again.`,
    )

  const unknown = describeUnknownWords(model.key, await labels.equalLabels(model.id, set.name))
  if (unknown !== null) out.note(unknown)
  const counts = await labels.histogram(model.id, set.name)
  out.text(`${formatQuantity(labelled, 'photo')} labelled with ${model.key} in ${formatDuration(seconds)}.\n`)
  if (out.json) for (const { label, photos } of counts) out.result({ set: set.name, label, photos }, '')
  else out.text(bars(counts.map(({ label, photos }) => ({ label, count: photos }))))
  return 0
}

/** @returns the label set of a file, or why there is none */
function readLabelSetFile(nameOrPath: string, folders: readonly string[]): LabelSet | AppError {
  try {
    return readLabelSet(nameOrPath, folders)
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
}

/** A label set that only the database has, because it was defined in SQL. @throws AppError `noFile` without one */
async function storedLabelSet(name: string, modelId: ModelId, { app }: Context, noFile: AppError): Promise<LabelSet> {
  // A broken file is an error: its name does not mean another definition.
  if (listLabelSetNames(app.labelFolders).includes(name)) throw noFile
  const { labels } = await app.repositories()
  const set = (await labels.labelSets(modelId)).find(stored => stored.name === name)
  if (set === undefined) throw noFile
  return set
}

function howToContinue(progress: LabelProgress | null, nameOrPath: string): string {
  const next = `Continue with: unsplash-clip labels predict ${nameOrPath}`
  if (progress === null) return next
  const { coming, photos, labelled } = progress
  const reached = `Stopped after ${formatCount(labelled)} of ${formatQuantity(photos, 'photo')}. ${next}`
  return coming
    ? `${reached}. Until then searches use the old labels. To keep them: unsplash-clip labels predict ${nameOrPath} --cancel`
    : reached
}

/** The `labels predict --cancel` command. @returns exit code */
export async function cancelPrediction(context: Context, nameOrPath: string): Promise<number> {
  const { app, out } = context
  const name = nameOrPath.endsWith('.json') ? readLabelSet(nameOrPath, app.labelFolders).name : nameOrPath
  const model = await chooseModel(context)
  const { labels } = await app.repositories()
  if (!(await labels.cancelChange(model.id, name)))
    throw new AppError(
      'NOT_FOUND',
      `No change of the label set ${name} is in progress for ${model.key}. To list changes in progress: select * from label_progress`,
    )
  out.result({ set: name, cancelled: true }, `Cancelled the change of ${name}; the old labels stay.`)
  return 0
}
