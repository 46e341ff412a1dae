import { type Command, Option } from 'commander'
import { DATASET_TABLE_NAMES, type DatasetTableName } from '../../domain/dataset-tables.js'
import { AppError } from '../../domain/errors.js'
import { PRIORITIES, type Priority } from '../../domain/ports/queue.js'
import { type CommonOptions, runCommand } from '../context.js'
import type { IngestOptions } from '../ingest/ingest-photos.js'
import { collect, wholeNumber } from '../options/arguments.js'
import { addWhereOption } from '../options/where-option.js'

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
  photosPerJob?: number
  processes?: number
  wait?: boolean
  allowHost?: string[]
  ignoreOptOut?: boolean
  dryRun?: boolean
  badRows?: string
}

export function addIngestCommand(program: Command): void {
  const ingest = program
    .command('ingest')
    .description('Put photos into the queue: from the Unsplash dataset, a CSV, a list of URLs or a folder of images.')
    .argument(
      '[inputs...]',
      'photos.tsv000 … (or their folder, .zip, .gz), photos.csv, urls.txt (one URL per line) or a folder of images; optional with --only-missing and --retry-failed',
    )
    .option(
      '--processes <n>',
      'start n worker processes, follow the run to its end, then stop them',
      wholeNumber(1, 64),
    )
    .option('--wait', 'follow the run to its end; workers run elsewhere')
    .option('--sample <n>', 'take n random photos; the same n for the same seed', wholeNumber(1, 10_000_000))
    .option('--seed <n>', 'seed of --sample', wholeNumber(0, 4_294_967_295), 0)
    .option('--limit <n>', 'take the first n photos', wholeNumber(1, 1_000_000_000))
  addWhereOption(ingest)
    .option(
      '--url-template <template>',
      'fetch this URL instead of the one in the dataset; replaces {image_url} and {photo_id} (default for images.unsplash.com: a 640-pixel JPEG)',
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
        'workers take batches of higher priority first; batches that are already queued keep their priority',
      )
        .choices(PRIORITIES)
        .default('normal'),
    )
    .option('--no-store', 'store no compressed copies')
    .option(
      '--only-missing',
      'only photos without an embedding of this model; without an input: from the whole database',
    )
    .addOption(
      new Option('--retry-failed [code]', 'enqueue permanently failed photos again: all, or those with this code'),
    )
    .option('--photos-per-job <n>', 'photos per job (default: the setting PHOTOS_PER_JOB)', wholeNumber(1, 1024))
    .option('--allow-host <host[:port]>', 'with --processes: allow a host with a private address; repeatable', collect)
    .option(
      '--ignore-opt-out',
      'with --processes: fetch images even if their server opts out by X-Robots-Tag or TDM-Reservation',
    )
    .addOption(
      new Option(
        '--table <name>',
        'load another table of the dataset, for photos that are in the database; inputs: keywords.tsv000 … (or the folder, .zip, .gz)',
      ).choices(DATASET_TABLE_NAMES),
    )
    .option('--all-photos', 'with --table: include rows of photos that are not in the database')
    .option('--dry-run', 'read and check the input without enqueueing or loading anything')
    .option('--bad-rows <file>', 'write every bad row with its line number to this file, one JSON object per line')
    .option('--json', 'print one JSON object per line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip ingest unsplash-research-dataset-lite-latest.zip --sample 5000 --processes 2
  unsplash-clip ingest ./my-photos --processes 2 --model clip-vit-b-32
  unsplash-clip ingest ./my-photos --processes 2 --label-set none
  unsplash-clip ingest --retry-failed HTTP_503 --wait
  unsplash-clip ingest --table keywords unsplash-research-dataset-lite-latest.zip

Combine --table with --dry-run, --bad-rows and --json. Loading the same files again changes nothing. For photos that are
ingested later, load the table again, or load it with --all-photos.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some rows or photos failed, 130 stopped.`,
    )
    .action(async (inputs: string[], options: Options, command: Command) => {
      const overrides = {
        PHOTOS_PER_JOB: options.photosPerJob?.toString(),
        LABEL_SETS: options.labelSet?.join(','),
        ALLOW_HOSTS: options.allowHost?.join(','),
        IGNORE_OPT_OUT: options.ignoreOptOut?.toString(),
      }
      process.exitCode = await runCommand(options, overrides, async context => {
        checkTableUsage(options, command)
        const { table, allPhotos, dryRun, badRows: badRowsFile } = options
        if (table !== undefined) {
          const { ingestTable } = await import('../ingest/ingest-table.js')
          return ingestTable(context, { table, inputs, allPhotos, dryRun, badRowsFile })
        }
        const { ingestPhotos } = await import('../ingest/ingest-photos.js')
        return ingestPhotos(context, toIngestOptions(inputs, options))
      })
    })
}

const WITH_TABLE = ['table', 'allPhotos', 'dryRun', 'badRows', 'json']

/** @throws AppError USAGE for options that exclude each other */
function checkTableUsage({ table, allPhotos }: Options, command: Command): void {
  if (table === undefined && allPhotos)
    throw new AppError('USAGE', '--all-photos needs --table. To select photos, use --sample, --limit and --where.')
  if (table === undefined) return
  const given = command.options.filter(option => command.getOptionValueSource(option.attributeName()) === 'cli')
  const other = given.find(option => !WITH_TABLE.includes(option.attributeName()))
  if (other)
    throw new AppError(
      'USAGE',
      `--table loads rows that need no worker: leave out ${other.long}. It accepts --all-photos, --dry-run, --bad-rows and --json.`,
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
    processes: options.processes ?? 0,
    wait: options.wait,
    dryRun: options.dryRun,
    badRowsFile: options.badRows,
  }
}
