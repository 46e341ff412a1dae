import type { Command } from 'commander'
import { runCommand } from '../context.js'
import { collect, realNumber, wholeNumber } from '../options/arguments.js'
import { addFilterOptions } from '../options/filter-options.js'
import type { ClassifyOptions } from './classification.js'

export function addClassifyCommand(analyze: Command): void {
  const command = analyze
    .command('classify')
    .description(
      'Measure how well the vectors tell a column or a label set: four classifiers, tested on unseen photos.',
    )
    .argument('<column>', 'column of photos, with bounds for numbers (exif_iso:200,1000), or name of a label set')
    .option('--test <share>', 'share of the photos to test with', realNumber(0.05, 0.95), 0.2)
    .option('--folds <n>', 'folds of the cross-validation; 0: none', wholeNumber(0, 20), 5)
    .option('--min-photos <n>', 'classes with fewer photos are left out', wholeNumber(2, 1_000_000), 10)
    .option('--sample <n>', 'most photos; more are drawn at random', wholeNumber(10, 1_000_000), 20_000)
    .option('--seed <n>', 'seed of the split, the folds and the forest', wholeNumber(0, 2_147_483_647), 0)
  addFilterOptions(command)
  command
    .option('--model <name>', 'model of the vectors; repeatable: their vectors are put side by side', collect)
    .option('--html <file>', 'write a page with the results and the surest mistakes')
    .option('--save <name>', 'keep the logistic regression as a label set, and label every photo')
    .option('--json', 'print one JSON object per line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip analyze classify exif_iso:200,1000
  unsplash-clip analyze classify photo_location_country --min-photos 50 --html countries.html
  unsplash-clip analyze classify taken_time --folds 10 --json
  unsplash-clip analyze classify exif_iso:200,1000 --save iso_level

Bounds belong to the bin below them: exif_iso:200,1000 makes low (up to 200), medium (up to 1000) and high.
Photos without a value are left out. The split keeps the share of each class.
Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.`,
    )
    .action(async (column: string, options: ClassifyOptions) => {
      const { model: models = [], ...rest } = options
      process.exitCode = await runCommand({ ...rest, model: models[0] }, {}, async context => {
        const { classify } = await import('./classify.js')
        return classify(context, column, options)
      })
    })
}
