import type { Command } from 'commander'
import { type CommonOptions, runCommand } from '../context.js'
import { collect, wholeNumber } from '../options/arguments.js'
import type { TeachOptions } from './teach-label.js'

export function addTeachCommand(labels: Command): void {
  labels
    .command('teach')
    .description('Teach a label with photos that have it and photos that do not. Reads no images.')
    .argument('<name>', 'name of the label, and of its label set')
    .option('--yes <id...>', 'photos with the label', collect)
    .option('--no <id...>', 'photos without it', collect)
    .option('--with <file>', 'photos with the label, one id per line')
    .option('--without <file>', 'photos without it, one id per line')
    .option('--from-marks <set[:label]>', 'photos that were marked on the web page as right or wrong for a label')
    .option('--afresh', 'forget the examples of earlier calls')
    .option('--dry-run', 'only measure how well the examples teach the label')
    .option('--seed <n>', 'seed of the photos drawn at random, and of the folds', wholeNumber(0, 2_147_483_647), 0)
    .option('--model <name>', 'model of the embeddings')
    .option('--json', 'print JSON objects')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip labels teach my_dog --with dogs.txt --without others.txt --dry-run
  unsplash-clip labels teach my_dog --yes iflUHY8zMYc vDX1H7HPyus aLOfEfo5hQI --no XMyPniM9LF0 rDLBArZUl1c cNDGZ2sQ3Bo
  unsplash-clip labels teach my_dog --from-marks my_dog

At least three photos of each kind; ten are a good start. Photos without the label get "not NAME". Photos that are
ingested later are labelled, too. Calling it again adds examples, and replaces what was learnt when every photo is labelled.
Write an id that begins with - as --yes=ID. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.`,
    )
    .action(async (name: string, options: CommonOptions & TeachOptions) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { teachLabel } = await import('./teach-label.js')
        return teachLabel(context, name, options)
      })
    })
}
