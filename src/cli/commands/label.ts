import type { Command } from 'commander'
import { modelKey } from '../../domain/model.js'
import { Prompts } from '../../workers/label.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { readLabelSet } from '../label-files.js'
import { openEncoder } from '../model-files.js'
import { bars, formatCount, formatDuration } from '../output.js'
import { Progress } from '../progress.js'
import { modelToSearch } from '../search-model.js'

export function addLabelCommand(program: Command): void {
  program
    .command('label')
    .description('Predict a label set for all photos, from their stored embeddings: no image is touched.')
    .argument('<set>', 'name of a label set, or the path of a label set file')
    .option('--model <name>', 'model whose embeddings are labelled')
    .option('--json', 'print one JSON object a label')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip label taken_time
  unsplash-clip label ./season.json --model clip-vit-b-32@fp32

A label set file: {"name": "season", "template": "A photo taken in {label}", "labels": ["spring", "summer", "autumn", "winter"]}
Photos labelled before are left alone unless the set's definition changed. Exit codes: 0 done, 1 failed, 2 wrong usage.`,
    )
    .action(async (set: string, options: CommonOptions) => {
      process.exitCode = await runCommand(options, {}, context => label(context, set))
    })
}

async function label(context: Context, nameOrPath: string): Promise<number> {
  const { app, out, signal } = context
  const set = readLabelSet(nameOrPath, app.labelFolders)
  const model = await modelToSearch(context)
  const { ingest, labels } = await app.repositories()
  if (!(await labels.hasPrompts(model.id, set))) {
    const encoder = await openEncoder(context, 'text')
    await new Prompts({ labels, encoder, modelId: model.id, labelSets: new Map([[set.name, set]]) }).ensure([set.name])
  }

  const { embedded } = await ingest.totals(model.id)
  const progress = new Progress(`label ${set.name}`)
  const labelled = await labels.labelPhotos(
    model.id,
    set.name,
    done => progress.update({ total: embedded, done, failed: 0 }),
    signal,
  )
  const seconds = progress.end()
  signal.throwIfAborted()

  const counts = await labels.histogram(model.id, set.name)
  out.text(`${formatCount(labelled)} photos labelled with ${modelKey(model.identity)} in ${formatDuration(seconds)}.\n`)
  if (out.json) for (const { label, photos } of counts) out.result({ set: set.name, label, photos }, '')
  else out.text(bars(counts.map(({ label, photos }) => ({ label, count: photos }))))
  return 0
}
