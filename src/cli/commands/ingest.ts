import { type Command, Option } from 'commander'
import { collect, wholeNumber } from '../arguments.js'
import { type CommonOptions, runCommand } from '../context.js'
import type { IngestOptions } from '../ingest-run.js'

interface Options extends CommonOptions {
  sample?: number
  seed: number
  limit?: number
  where?: string[]
  urlTemplate?: string
  labelSet?: string[]
  store: boolean
  onlyMissing?: boolean
  retryFailed?: string | true
  batchSize?: number
  workers?: number
  wait?: boolean
  allowHost?: string[]
  dryRun?: boolean
  badRows?: string
}

export function addIngestCommand(program: Command): void {
  program
    .command('ingest')
    .description('Put photos into the queue: from the Unsplash dataset, a CSV, a list of URLs or a folder of images.')
    .argument(
      '[inputs...]',
      'photos.tsv000 … (or their folder, .zip, .gz), photos.csv, urls.txt (one URL a line) or a folder of images; may be left out with --only-missing and --retry-failed',
    )
    .option('--workers <n>', 'start so many workers here, wait for the end and stop them', wholeNumber(1, 64))
    .option('--wait', 'follow the run to its end (workers run elsewhere)')
    .option('--sample <n>', 'take n photos at random, the same ones every time', wholeNumber(1, 10_000_000))
    .option('--seed <n>', 'seed of --sample', wholeNumber(0, 4_294_967_295), 0)
    .option('--limit <n>', 'take the first n photos', wholeNumber(1, 1_000_000_000))
    .option('--where <column=value>', 'take photos whose metadata match; repeatable', collect)
    .option(
      '--url-template <template>',
      'fetch this URL instead of the dataset’s; {image_url} and {photo_id} are filled in (default for images.unsplash.com: a 640-pixel JPEG)',
    )
    .option('--model <name>', 'model to embed with (see `models list`)')
    .option('--label-set <name>', 'label set to predict; repeatable (default: the setting LABEL_SETS)', collect)
    .option('--no-store', 'keep no compressed copies')
    .option('--only-missing', 'only photos without an embedding of this model; without an input: all of the database')
    .addOption(
      new Option('--retry-failed [code]', 'enqueue photos that failed for good again, all or those with one code'),
    )
    .option('--batch-size <n>', 'photos a job (default: the setting BATCH_SIZE)', wholeNumber(1, 1024))
    .option(
      '--allow-host <host[:port]>',
      'with --workers: may be reached although its address is private; repeatable',
      collect,
    )
    .option('--dry-run', 'read and check the input, enqueue nothing')
    .option('--bad-rows <file>', 'write every bad row with its line number to this file, as JSON lines')
    .option('--json', 'print one JSON object a line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip ingest unsplash-research-dataset-lite-latest.zip --sample 5000 --workers 2
  unsplash-clip ingest ./my-photos --workers 2 --model clip-vit-b-32
  unsplash-clip ingest --retry-failed HTTP_503 --wait

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some rows or photos failed, 130 stopped.`,
    )
    .action(async (inputs: string[], options: Options) => {
      const overrides = {
        BATCH_SIZE: options.batchSize?.toString(),
        LABEL_SETS: options.labelSet?.join(','),
        ALLOW_HOSTS: options.allowHost?.join(','),
      }
      process.exitCode = await runCommand(options, overrides, async context => {
        const { ingest } = await import('../ingest-run.js')
        return ingest(context, toIngestOptions(inputs, options))
      })
    })
}

function toIngestOptions(inputs: string[], options: Options): IngestOptions {
  return {
    inputs,
    sample: options.sample,
    seed: options.seed,
    limit: options.limit,
    where: options.where,
    urlTemplate: options.urlTemplate,
    store: options.store,
    onlyMissing: options.onlyMissing,
    retryFailed: options.retryFailed,
    workers: options.workers ?? 0,
    wait: options.wait,
    dryRun: options.dryRun,
    badRowsFile: options.badRows,
  }
}
