import { type Command, Option } from 'commander'
import { runCommand } from '../context.js'
import { wholeNumber } from '../options/arguments.js'
import { addFilterOptions } from '../options/filter-options.js'
import type { ProjectOptions } from './project-options.js'

/** Adds `analyze project`. */
export function addProjectCommand(analyze: Command): void {
  const command = analyze
    .command('project')
    .description('Place the photos on a plane, similar ones close together, for the map of the page.')
    .addOption(
      new Option('--method <name>', 'umap: keeps neighbours together; pca: the two directions of the largest variance')
        .choices(['umap', 'pca'])
        .default('umap'),
    )
    .option(
      '--neighbours <n>',
      'umap: neighbours per photo; default: 15. More show the whole, fewer details',
      wholeNumber(2, 200),
    )
    .option('--seed <n>', 'seed of all random choices', wholeNumber(0, 2_147_483_647), 0)
    .option('--save <name>', 'name of the projection; default: that of the method. Replaces one of that name')
    .option('--csv <file>', 'also write the points as a table')
  addFilterOptions(command)
  command
    .option('--model <name>', 'model of the vectors')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip analyze project
  unsplash-clip analyze project --method pca --csv points.csv
  unsplash-clip analyze project --label taken_time=night --neighbours 30 --save nights

The page draws it as a map of pictures: unsplash-clip serve --open. In SQL: select * from projection('umap').
Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.`,
    )
    .action(async (options: ProjectOptions) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { projectPhotos } = await import('./project-photos.js')
        return projectPhotos(context, options)
      })
    })
}
