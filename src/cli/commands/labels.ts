import type { Command } from 'commander'
import { type CommonOptions, runCommand } from '../context.js'
import type { ShowLabelsOptions } from '../labels/show-labels.js'
import { addTeachCommand } from '../labels/teach-command.js'
import { wholeNumber } from '../options/arguments.js'

export function addLabelsCommand(program: Command): void {
  const labels = program
    .command('labels')
    .description('Predict zero-shot labels of photos, teach labels by examples, and show them.')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip labels predict taken_time
  unsplash-clip labels teach my_dog --with dogs.txt --without others.txt
  unsplash-clip labels show taken_time
  unsplash-clip labels show`,
    )
  labels
    .command('predict')
    .description('Predict a label set for all photos, from their stored embeddings. Reads no images.')
    .argument('<set>', 'name of a label set, or the path of a label set file')
    .option('--cancel', 'cancel a change of definition that is in progress; the existing labels stay')
    .option('--model <name>', 'model of the embeddings')
    .option('--json', 'print one JSON object per label')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip labels predict taken_time
  unsplash-clip labels predict ./season.json --model clip-vit-b-32@fp32
  unsplash-clip labels predict season --cancel

A label set file: {"name": "season", "template": "A photo taken in {label}", "labels": ["spring", "summer", "autumn", "winter"]}
Labels only photos without a label of this definition. After a change of the definition all photos are labelled again, and
the labels of the old definition stay visible until the last photo is done; labels of a new set appear as they are written.
After an interruption the same command continues. Exit codes: 0 done, 1 failed, 2 wrong usage.`,
    )
    .action(async (set: string, options: CommonOptions & { cancel?: boolean }) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { cancelPrediction, predictLabels } = await import('../labels/predict-labels.js')
        return options.cancel ? cancelPrediction(context, set) : predictLabels(context, set)
      })
    })
  addTeachCommand(labels)
  labels
    .command('rm')
    .description('Remove a label set of a model, with its prompts and labels.')
    .argument('<set>', 'name of a label set')
    .option('--yes', 'do not ask for confirmation')
    .option('--model <name>', 'model of the labels')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip labels rm season
  unsplash-clip labels rm season --model clip-vit-b-32 --yes

Embeddings stay, so \`labels predict\` makes the labels again. Later ingests predict the set again if LABEL_SETS names it.
Exit codes: 0 done, 1 no such set or not confirmed, 2 wrong usage.`,
    )
    .action(async (set: string, options: CommonOptions & { yes?: boolean }) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { removeLabelSet } = await import('../labels/remove-label-set.js')
        return removeLabelSet(context, set, options.yes ?? false)
      })
    })
  labels
    .command('show')
    .description('Show the predicted labels: their histogram, and random photos of each to check.')
    .argument('[set]', 'name of a label set (default: list the label sets)')
    .option('--sample <n>', 'show n random photos of each label', wholeNumber(1, 1000))
    .option('--seed <n>', 'seed of --sample', wholeNumber(0, 2_147_483_647), 0)
    .option('--html <file>', 'write a page with the histogram and the sample (4 photos per label without --sample)')
    .option('--csv <file>', 'write every photo with its label, score and metadata as a table')
    .option('--model <name>', 'model of the labels')
    .option('--json', 'print one JSON object per line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip labels show taken_time
  unsplash-clip labels show taken_time --sample 4 --html taken_time.html
  unsplash-clip labels show taken_time --csv taken_time.csv

Exit codes: 0 done, 1 failed, 2 wrong usage.`,
    )
    .action(async (set: string | undefined, options: CommonOptions & ShowLabelsOptions) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { showLabels } = await import('../labels/show-labels.js')
        return showLabels(context, set, options)
      })
    })
}
