import { type Command, Option } from 'commander'
import { runCommand } from '../context.js'
import { wholeNumber } from '../options/arguments.js'
import { addFilterOptions } from '../options/filter-options.js'
import type { ClusterOptions } from './cluster-options.js'
import { kArgument } from './k-argument.js'

/** Adds `analyze cluster`. */
export function addClusterCommand(analyze: Command): void {
  const command = analyze
    .command('cluster')
    .description('Find groups of similar photos, name them by words, and keep them as a label set.')
    .addOption(
      new Option('--method <name>', 'kmeans: every photo in one of K clusters; hdbscan: dense groups, and "none"')
        .choices(['kmeans', 'hdbscan'])
        .default('kmeans'),
    )
    .option('--k <n|from..to|auto>', 'kmeans: clusters; of several the best silhouette; auto: 2..20', kArgument)
    .option('--starts <n>', 'kmeans: starts with other first centres; default: 10', wholeNumber(1, 1000))
    .option('--min-size <n>', 'hdbscan: fewest photos of a cluster; default: 10', wholeNumber(2, 100_000))
    .option('--components <n>', 'hdbscan: principal components to work on; default: 50', wholeNumber(1, 1000))
    .option('--projection <name>', 'hdbscan: work on this projection; see analyze project')
    .option('--seed <n>', 'seed of all random choices', wholeNumber(0, 2_147_483_647), 0)
    .option('--save <name>', 'keep the clusters as this label set; replaces clusters of that name')
  addFilterOptions(command)
  command
    .option('--model <name>', 'model of the vectors')
    .option('--json', 'print one JSON object per line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip analyze cluster --k 8
  unsplash-clip analyze cluster --k 2..10 --label taken_time=night
  unsplash-clip analyze cluster --k auto --save groups
  unsplash-clip analyze cluster --method hdbscan --min-size 5 --save dense

Names come from titles, descriptions and keywords, or else from stored prompts (see prompts --help). The silhouette is in
[-1, 1]: near 1, photos are far nearer to their own cluster than to others. Kept clusters are a label set as others are:
labels show, --label, facets and the page show them. Photos that are ingested later get no label of it.
Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.`,
    )
    .action(async (options: ClusterOptions) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { clusterPhotos } = await import('./cluster-photos.js')
        return clusterPhotos(context, options)
      })
    })
}
