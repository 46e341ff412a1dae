import type { Command } from 'commander'
import type { FacetOptions } from '../../domain/ports/facets.js'
import { METADATA_FACETS } from '../../domain/ports/facets.js'
import type { ModelId } from '../../domain/ports/repository.js'
import { collect, realNumber, wholeNumber } from '../arguments.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { facetObjects, facetText } from '../facet-text.js'
import { addFilterOptions, type FilterOptions, filtersOf } from '../filter-options.js'
import { modelToSearch } from '../search-model.js'
import { embedWords } from '../search-vectors.js'
import { requireTextTower } from '../text-tower.js'

interface Options extends CommonOptions, FilterOptions {
  by?: string[]
  count: number
  top: number
  minScore?: number
}

export function addFacetsCommand(program: Command): void {
  const command = program
    .command('facets')
    .description(
      'Show what photos have in common: histograms of labels and metadata, of all or of those nearest to words.',
    )
    .argument('[text]', 'words: only the photos nearest to them are counted')
    .option('--by <facet>', `a label set, ${METADATA_FACETS.join(', ')}; repeatable`, collect)
    .option('-k, --count <n>', 'with words: how many of the nearest', wholeNumber(1, 1_000_000), 1000)
    .option('--min-score <score>', 'with words: leave out what is less similar', realNumber(-1, 1))
    .option('--top <n>', 'values shown of a facet', wholeNumber(1, 10_000), 10)
  addFilterOptions(command)
  command
    .option('--model <name>', 'model whose embeddings and labels are counted')
    .option('--json', 'print one JSON object a line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip facets
  unsplash-clip facets "dog in the snow" -k 200 --by taken_time --by country --by year
  unsplash-clip facets --by keyword --top 50 --where photo_location_country=Norway

Each facet adds up to the photos counted: (other) are those with a value that is not shown, (unknown) those without one.
Only keywords do not, since a photo has many.
Exit codes: 0 done, 1 failed, 2 wrong usage.`,
    )
    .action(async (text: string | undefined, options: Options) => {
      process.exitCode = await runCommand(options, {}, context => showFacets(context, text?.trim(), options))
    })
}

async function showFacets(context: Context, text: string | undefined, options: Options): Promise<number> {
  const filters = await filtersOf(options)
  const model = await modelToSearch(context)
  const { facets } = await context.app.repositories()
  const found = await facets.facets(model.id, {
    ...filters,
    names: options.by,
    top: options.top,
    ...(text ? await nearestTo(context, model.id, text, options) : {}),
  })
  if (context.out.json) for (const object of found.flatMap(facetObjects)) context.out.result(object, '')
  else context.out.text(facetText(found) || 'No photo matches.')
  return 0
}

async function nearestTo(
  context: Context,
  modelId: ModelId,
  text: string,
  { count, minScore }: Options,
): Promise<Partial<FacetOptions>> {
  requireTextTower(context, 'look for words', 'Leave the words out, or name a model with a text tower: --model NAME.')
  return { query: await embedWords(context, modelId, text), kind: 'text', n: count, minScore }
}
