import { type Command, Option } from 'commander'
import { MEASURES } from '../../evaluation/measures.js'
import { runCommand } from '../context.js'
import { collect, wholeNumber } from '../options/arguments.js'
import type { EvalOptions } from './eval-report.js'

/** The `eval` command: how good searches are, by queries with known answers. */
export function addEvalCommand(program: Command): void {
  program
    .command('eval')
    .description(
      'Measure search quality by queries whose relevant photos are known, and compare variants of the search.',
    )
    .argument(
      '<queries>',
      'conversions (of the dataset), column:NAME[,NAME] (its words, and photos that have them), or a CSV file: query, photo_id[, grade]',
    )
    .option(
      '--variant <settings>',
      'a way to search, in quotes; repeatable; the first one is what others are compared with',
      collect,
    )
    .option(
      '--words <file>',
      'with column: queries, one per line; prompts: the stored prompts; default: words of the column',
    )
    .option('--queries <n>', 'most queries; more are drawn at random', wholeNumber(1, 100_000), 1000)
    .option('--min-relevant <n>', 'queries with fewer relevant photos are left out', wholeNumber(1, 1_000_000), 1)
    .option('--split', 'choose the best variant on one half of the queries, and report the other half')
    .addOption(
      new Option('--by <measure>', 'what variants are chosen and queries sorted by').choices(MEASURES).default('map'),
    )
    .option(
      '--depth <n>',
      'photos of a list for mAP and MRR; default: 1000, or 250 where a variant uses an index',
      wholeNumber(100, 10_000),
    )
    .option(
      '--references <file>',
      'with k in a variant: reference texts, one per line; prompts: the stored prompts; default: as models correct',
    )
    .option('--resamples <n>', 'resamples of the bootstrap', wholeNumber(100, 100_000), 1000)
    .option('--seed <n>', 'seed of the drawn queries, the halves and the bootstrap', wholeNumber(0, 2_147_483_647), 0)
    .option('--model <name>', 'model of variants that name none')
    .option('--html <file>', 'write a page with the queries that got better and worse')
    .option('--json', 'print one JSON object per line')
    .addHelpText(
      'after',
      `
Settings of a variant, all optional:
  model=NAME[@PRECISION]                             default: --model
  index=tuned|exact|hnsw[:EF]|ivfflat[:PROBES]       default: tuned, as searches are
  hybrid=WEIGHT|words                                weight of the words beside the meaning; words: without the meaning
  correction=WEIGHT                                  of hubs, as models correct stored it; default: the model's weight
  correction=WEIGHT k=K                              tries one with K reference texts per photo, without storing it
Values with commas between them make one variant each: hybrid=0,0.3,1

Examples:
  unsplash-clip eval conversions --min-relevant 5
  unsplash-clip eval conversions --variant plain --variant hybrid=0.1,0.3,1 --split --html hybrid.html
  unsplash-clip eval judged.csv --variant index=exact --variant index=hnsw:40,hnsw:100,hnsw:400
  unsplash-clip eval column:ai_description --variant model=clip-vit-b-32@fp32,clip-vit-b-32@int8

Reads the database and changes nothing.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but rows of the file were bad, 130 stopped by Ctrl-C.`,
    )
    .action(async (queries: string, options: EvalOptions) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { evaluateSearch } = await import('./evaluate-search.js')
        return evaluateSearch(context, queries, options)
      })
    })
}
