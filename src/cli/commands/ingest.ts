import { type Command, Option } from 'commander'
import { DATASET_TABLE_NAMES, type DatasetTableName } from '../../domain/dataset-tables.js'
import { AppError } from '../../domain/errors.js'
import { PRIORITIES } from '../../domain/ports/queue.js'
import { type CommonOptions, runCommand } from '../context.js'
import type { IngestOptions } from '../ingest/ingest-options.js'
import { collect, realNumber, wholeNumber } from '../options/arguments.js'
import { addWhereOption } from '../options/where-option.js'

interface Options extends CommonOptions, Omit<IngestOptions, 'inputs' | 'processes' | 'badRowsFile' | 'madeForModel'> {
  table?: DatasetTableName
  allPhotos?: boolean
  labelSet?: string[]
  photosPerJob?: number
  processes?: number
  allowHost?: string[]
  ignoreOptOut?: boolean
  badRows?: string
}

export function addIngestCommand(program: Command): void {
  const ingest = program
    .command('ingest')
    .description(
      'Put photos into the queue: from the Unsplash dataset, a CSV, a list of URLs, a folder of images or a bucket.',
    )
    .argument(
      '[inputs...]',
      'photos.tsv000 … (or their folder, .zip, .gz), photos.csv, urls.txt (one URL per line), records.jsonl, records.parquet, images and folders of them, or s3://bucket/prefix; optional with --only-missing and --retry-failed',
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
      // biome-ignore lint/suspicious/noTemplateCurlyInString: as users write it
      'fetch this URL instead of the one in the dataset; replaces {image_url}, {photo_id} and ${NAME} of the environment; remembered with the photos (default for images.unsplash.com: a 640-pixel JPEG)',
    )
    .option('--images <folder>', 'read the images of a table from this folder; their names are the photo ids')
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
    .option(
      '--from-copies',
      'with --only-missing or --retry-failed, without an input: embed the stored copies instead of the originals (a little less exact)',
    )
    .addOption(
      new Option('--retry-failed [code]', 'enqueue permanently failed photos again: all, or those with this code'),
    )
    .option(
      '--refresh',
      'ask again for the images of photos that are embedded, and embed those that changed (ETag, Last-Modified, length, bytes)',
    )
    .option(
      '--sync',
      'then remove the photos that the input no longer has, with labels and stored copies; a photo with another place stays',
    )
    .option('--yes', 'with --sync: also more than a tenth of a folder (and three photos), or of a table or URL list')
    .option(
      '--watch',
      'go on with what changes in the folders, until Ctrl-C; removes as --sync does (with --yes also more than a tenth)',
    )
    .option(
      '--rescan <s>',
      'with --watch: seconds between looks at the whole folders (default: 600)',
      wholeNumber(1, 604_800),
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
    .option(
      '--video-fps <n>',
      'take n frames per second of videos, with ffmpeg (default: skip videos)',
      realNumber(0.001, 60),
    )
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
  unsplash-clip ingest ./my-photos --processes 2 --sync
  unsplash-clip ingest ./my-photos --processes 2 --watch
  unsplash-clip ingest s3://bucket/photos --processes 2
  unsplash-clip ingest photos-1k.csv --images 1k-compressed --processes 2
  unsplash-clip ingest urls.txt --processes 2 --refresh
  unsplash-clip ingest --retry-failed HTTP_503 --wait
  unsplash-clip ingest --table keywords unsplash-research-dataset-lite-latest.zip

Combine --table with --dry-run, --bad-rows and --json. Loading the same files again changes nothing. For photos that are
ingested later, load the table again, or load it with --all-photos.

Exit codes: 0 done (--watch: stopped), 1 failed, 2 wrong usage, 3 done but some rows or photos failed, 130 stopped.`,
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
        return ingestPhotos(context, { ...options, inputs, processes: options.processes ?? 0, badRowsFile })
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
