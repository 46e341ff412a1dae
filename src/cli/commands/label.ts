import type { Command } from 'commander'
import { AppError } from '../../domain/errors.js'
import { modelKey } from '../../domain/model.js'
import type { LabelProgress } from '../../domain/ports/repository.js'
import { storePrompts } from '../../workers/label.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { readLabelSet } from '../label-files.js'
import { openEncoder } from '../model-files.js'
import { bars, formatCount, formatDuration } from '../output.js'
import { Progress } from '../progress.js'
import { modelToSearch } from '../search-model.js'
import { requireTextTower } from '../text-tower.js'

interface Options extends CommonOptions {
  cancel?: boolean
}

export function addLabelCommand(program: Command): void {
  program
    .command('label')
    .description('Predict a label set for all photos, from their stored embeddings: no image is touched.')
    .argument('<set>', 'name of a label set, or the path of a label set file')
    .option('--cancel', 'drop a changed definition that is on its way; the labels that are there stay')
    .option('--model <name>', 'model whose embeddings are labelled')
    .option('--json', 'print one JSON object a label')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip label taken_time
  unsplash-clip label ./season.json --model clip-vit-b-32@fp32
  unsplash-clip label season --cancel

A label set file: {"name": "season", "template": "A photo taken in {label}", "labels": ["spring", "summer", "autumn", "winter"]}
Photos labelled before are left alone unless the set's definition changed. Then all are labelled anew, and until the last one is,
everybody sees the labels of the old definition; labels of a new set are seen as they come. Stopped in the middle, the same
command goes on. Exit codes: 0 done, 1 failed, 2 wrong usage.`,
    )
    .action(async (set: string, options: Options) => {
      process.exitCode = await runCommand(options, {}, context =>
        options.cancel ? cancel(context, set) : label(context, set),
      )
    })
}

async function label(context: Context, nameOrPath: string): Promise<number> {
  const { app, out, signal } = context
  const set = readLabelSet(nameOrPath, app.labelFolders)
  const model = await modelToSearch(context)
  requireTextTower(
    context,
    `predict ${set.name}`,
    'Name a model with a text tower that the photos are ingested with: --model NAME.',
  )
  const { labels } = await app.repositories()
  if (!(await labels.hasPrompts(model.id, set))) {
    const encoder = await openEncoder(context, 'text')
    await storePrompts(labels, encoder, model.id, set)
  }

  const before = await labels.labelProgress(model.id, set.name)
  const progress = new Progress(`label ${set.name}`)
  const note = before?.coming ? 'the former labels stay until the end' : ''
  const show = (labelled: number) => {
    const done = (before?.labelled ?? 0) + labelled
    progress.update({ total: before?.photos ?? null, done, failed: 0 }, note)
  }
  const labelled = await labels.labelPhotos(model.id, set.name, show, signal).catch(async error => {
    progress.end()
    if (!signal.aborted) throw error
    throw new AppError('INTERRUPTED', howToGoOn(await labels.labelProgress(model.id, set.name), nameOrPath))
  })
  const seconds = progress.end()
  if (!(await labels.hasPrompts(model.id, set)))
    throw new AppError(
      'NOT_FOUND',
      `While ${set.name} was labelled, its definition was cancelled or replaced by another. Nothing that was seen before has changed by this; run "unsplash-clip label ${nameOrPath}" again if this definition is the right one.`,
    )

  const counts = await labels.histogram(model.id, set.name)
  out.text(`${formatCount(labelled)} photos labelled with ${modelKey(model.identity)} in ${formatDuration(seconds)}.\n`)
  if (out.json) for (const { label, photos } of counts) out.result({ set: set.name, label, photos }, '')
  else out.text(bars(counts.map(({ label, photos }) => ({ label, count: photos }))))
  return 0
}

function howToGoOn(progress: LabelProgress | null, nameOrPath: string): string {
  const goOn = `Go on with: unsplash-clip label ${nameOrPath}`
  if (progress === null) return goOn
  const { coming, photos, labelled } = progress
  const reached = `Stopped when ${formatCount(labelled)} of ${formatCount(photos)} photos were labelled. ${goOn}`
  return coming
    ? `${reached}; until then everybody sees the former labels. To keep those: unsplash-clip label ${nameOrPath} --cancel`
    : reached
}

async function cancel(context: Context, nameOrPath: string): Promise<number> {
  const { app, out } = context
  const name = nameOrPath.endsWith('.json') ? readLabelSet(nameOrPath, app.labelFolders).name : nameOrPath
  const model = await modelToSearch(context)
  const { labels } = await app.repositories()
  if (!(await labels.cancelChange(model.id, name)))
    throw new AppError(
      'NOT_FOUND',
      `No changed definition of the label set ${name} is on its way for ${modelKey(model.identity)}. What is: select * from label_progress`,
    )
  out.result({ set: name, cancelled: true }, `The change of ${name} is dropped; the labels that were there stay.`)
  return 0
}
