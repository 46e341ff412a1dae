import { type Command, Option } from 'commander'
import { DATASET_TABLE_NAMES, type DatasetTableName } from '../../domain/dataset-tables.js'
import { AppError } from '../../domain/errors.js'
import { PRIORITIES, type Priority } from '../../domain/ports/queue.js'
import { collect, wholeNumber } from '../arguments.js'
import { type CommonOptions, runCommand } from '../context.js'
import type { IngestOptions } from '../ingest-run.js'

interface Options extends CommonOptions {
  table?: DatasetTableName
  allPhotos?: boolean
  sample?: number
  seed: number
  limit?: number
  where?: string[]
  urlTemplate?: string
  labelSet?: string[]
  store: boolean
  priority?: Priority
  onlyMissing?: boolean
  retryFailed?: string | true
  batchSize?: number
  workers?: number
  wait?: boolean
  allowHost?: string[]
  ignoreOptOut?: boolean
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
    .option(
      '--label-set <name>',
      'label set to predict, or none; repeatable (default: the setting LABEL_SETS)',
      collect,
    )
    .addOption(
      new Option(
        '--priority <priority>',
        'batches of a higher one are handed out first; those in the queue already keep theirs',
      )
        .choices(PRIORITIES)
        .default('normal'),
    )
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
    .option(
      '--ignore-opt-out',
      'with --workers: take images although their server opts out by X-Robots-Tag or TDM-Reservation',
    )
    .addOption(
      new Option(
        '--table <name>',
        'load another table of the dataset instead, of the photos that are in the database: inputs are its keywords.tsv000 … (or the folder, .zip, .gz)',
      ).choices(DATASET_TABLE_NAMES),
    )
    .option('--all-photos', 'with --table: also rows of photos that are not in the database')
    .option('--dry-run', 'read and check the input, enqueue or load nothing')
    .option('--bad-rows <file>', 'write every bad row with its line number to this file, as JSON lines')
    .option('--json', 'print one JSON object a line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip ingest unsplash-research-dataset-lite-latest.zip --sample 5000 --workers 2
  unsplash-clip ingest ./my-photos --workers 2 --model clip-vit-b-32
  unsplash-clip ingest ./my-photos --workers 2 --label-set none
  unsplash-clip ingest --retry-failed HTTP_503 --wait
  unsplash-clip ingest --table keywords unsplash-research-dataset-lite-latest.zip

--table goes well with --dry-run, --bad-rows and --json. Loading the same files again changes nothing. Photos that are
ingested later have no rows yet: load the table again, or load it with --all-photos.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some rows or photos failed, 130 stopped.`,
    )
    .action(async (inputs: string[], options: Options, command: Command) => {
      const overrides = {
        BATCH_SIZE: options.batchSize?.toString(),
        LABEL_SETS: options.labelSet?.join(','),
        ALLOW_HOSTS: options.allowHost?.join(','),
        IGNORE_OPT_OUT: options.ignoreOptOut?.toString(),
      }
      process.exitCode = await runCommand(options, overrides, async context => {
        checkTableUsage(options, command)
        const { table, allPhotos, dryRun, badRows: badRowsFile } = options
        if (table !== undefined) {
          const { ingestTable } = await import('../ingest-table.js')
          return ingestTable(context, { table, inputs, allPhotos, dryRun, badRowsFile })
        }
        const { ingest } = await import('../ingest-run.js')
        return ingest(context, toIngestOptions(inputs, options))
      })
    })
}

const WITH_TABLE = ['table', 'allPhotos', 'dryRun', 'badRows', 'json']

/** @throws AppError USAGE for options that do not go together */
function checkTableUsage({ table, allPhotos }: Options, command: Command): void {
  if (table === undefined && allPhotos)
    throw new AppError('USAGE', '--all-photos goes with --table. Photos are chosen by --sample, --limit and --where.')
  if (table === undefined) return
  const given = command.options.filter(option => command.getOptionValueSource(option.attributeName()) === 'cli')
  const other = given.find(option => !WITH_TABLE.includes(option.attributeName()))
  if (other)
    throw new AppError(
      'USAGE',
      `--table loads rows that need no worker: leave out ${other.long}. It takes --all-photos, --dry-run, --bad-rows and --json.`,
    )
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
    priority: options.priority,
    onlyMissing: options.onlyMissing,
    retryFailed: options.retryFailed,
    workers: options.workers ?? 0,
    wait: options.wait,
    dryRun: options.dryRun,
    badRowsFile: options.badRows,
  }
}
