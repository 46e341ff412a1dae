import { type Command, InvalidArgumentError, Option } from 'commander'
import { DTYPES, FORMAT_NAMES } from '../../exports/export-format.js'
import { runCommand } from '../context.js'
import { memorySize, realNumber, wholeNumber } from '../options/arguments.js'
import { addFilterOptions } from '../options/filter-options.js'
import type { ExportOptions } from './export-options.js'

export function addExportCommand(program: Command): void {
  const command = program
    .command('export')
    .description('Write vectors with metadata and labels to files for other programs.')
    .argument('<target>', 'a new folder, or s3://bucket/prefix')
    .argument('[text]', 'words; exports only the photos nearest to them')
    .addOption(new Option('--format <name>', 'kind of files').choices(FORMAT_NAMES).default('parquet'))
    .option('--photo <id>', 'export only the photos nearest to this embedded photo')
    .option(
      '-k, --count <n>',
      'with words or --photo: number of nearest photos (default: 1000)',
      wholeNumber(1, 1_000_000),
    )
    .option('--min-score <score>', 'with words or --photo: minimum cosine similarity', realNumber(-1, 1))
    .option('--diverse <n>', 'only n photos that differ as much as possible', wholeNumber(1, 100_000))
    .option(
      '--seed <n>',
      'seed of --projection umap, and of --diverse from more than 100,000 photos',
      wholeNumber(0, 2_147_483_647),
      0,
    )
  addFilterOptions(command)
  command
    .option('--model <name>', 'model of the embeddings and labels')
    .option('--columns <names>', 'columns of metadata, separated by commas, or none (default: all)')
    .addOption(new Option('--dtype <name>', 'numbers of binary vectors (default: float32)').choices(DTYPES))
    .option(
      '--projection <name>',
      'with --format atlas: places on a plane, as `analyze project` stored them under this name; pca and umap are computed if not stored (default: the newest one that is stored, else pca)',
    )
    .option(
      '--neighbours <n>',
      'with --format atlas: nearest photos of each (default: 15; 0: none)',
      wholeNumber(0, 100),
    )
    .option('--shard-size <size>', 'largest size of the files of a shard', shardSize, 256e6)
    .option('--replace', 'replace what an earlier export wrote there')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip export photos-dataset
  unsplash-clip export vectors --format npy --dtype float16 --shard-size 1GB
  unsplash-clip export s3://bucket/snow "dog in the snow" -k 5000 --label taken_time=day --format jsonl
  unsplash-clip export sample --diverse 500 --format webdataset

Formats: npy (layout of clip-retrieval), parquet (a dataset for Hugging Face), csv, jsonl, tensorboard (projector),
webdataset (tar files with the stored copies), atlas (for embedding-atlas).
Photos are in the order of their ids. After an interruption the same command continues. manifest.json, written last, has
the number of photos and the SHA-256 of each file.
Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.`,
    )
    .action(async (target: string, text: string | undefined, options: ExportOptions) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { exportPhotos } = await import('./export-photos.js')
        return exportPhotos(context, target, text?.trim() || undefined, options)
      })
    })
}

/** Programs that read a whole file take more memory than its size. */
const MOST_SHARD_BYTES = 4e9

function shardSize(text: string): number {
  const bytes = memorySize(text)
  if (bytes > MOST_SHARD_BYTES) throw new InvalidArgumentError('Expected at most 4GB.')
  return bytes
}
