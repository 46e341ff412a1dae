import type { Command } from 'commander'
import { METADATA_FACETS } from '../../domain/ports/facets.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { openSearchWithModel } from '../open-search.js'
import { collect, realNumber, wholeNumber } from '../options/arguments.js'
import { addFilterOptions, type FilterOptions, filtersOf } from '../options/filter-options.js'
import { facetObjects, facetText } from '../print/facet-text.js'

interface Options extends CommonOptions, FilterOptions {
  by?: string[]
  count: number
  top: number
  minScore?: number
}

export function addFacetsCommand(program: Command): void {
  const command = program
    .command('facets')
    .description('Show histograms of labels and metadata, for all photos or for the photos nearest to words.')
    .argument('[text]', 'words; counts only the photos nearest to them')
    .option('--by <facet>', `a label set, ${METADATA_FACETS.join(', ')}; repeatable`, collect)
    .option('-k, --count <n>', 'with words: number of nearest photos to count', wholeNumber(1, 1_000_000), 1000)
    .option('--min-score <score>', 'with words: minimum cosine similarity', realNumber(-1, 1))
    .option('--top <n>', 'values to show per facet', wholeNumber(1, 10_000), 10)
  addFilterOptions(command)
  command
    .option('--model <name>', 'model of the embeddings and labels')
    .option('--json', 'print one JSON object per line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip facets
  unsplash-clip facets "dog in the snow" -k 200 --by taken_time --by country --by year
  unsplash-clip facets --by keyword --top 50 --where photo_location_country=Norway

Each facet adds up to all counted photos: (other) counts values that are not shown, (unknown) photos without a value.
Keywords, colors and collections do not add up, because a photo can have many.
Exit codes: 0 done, 1 failed, 2 wrong usage.`,
    )
    .action(async (text: string | undefined, options: Options) => {
      process.exitCode = await runCommand(options, {}, context => showFacets(context, text?.trim(), options))
    })
}

async function showFacets(context: Context, text: string | undefined, options: Options): Promise<number> {
  const { out, signal } = context
  const { by: names, top, count: n, minScore } = options
  const filters = await filtersOf(options)
  const { search, model } = await openSearchWithModel(context)
  const nearest = text ? { nearest: { words: text }, n, minScore } : {}
  const found = await search.counts.facets(model, { ...filters, names, top, ...nearest }, signal)
  if (out.json) for (const object of found.flatMap(facetObjects)) out.result(object, '')
  else out.text(facetText(found) || 'No photo matches.')
  return 0
}
