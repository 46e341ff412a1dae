import type { Command } from 'commander'
import { AppError } from '../../domain/errors.js'
import { formatBytes, formatCount, formatDuration, formatQuantity } from '../../domain/text/format.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { Progress } from '../print/progress.js'

interface MoveOptions extends CommonOptions {
  to: string
  overwrite?: boolean
  deleteSource?: boolean
}

export function addStoreCommand(program: Command): void {
  const store = program
    .command('store')
    .description('Move the compressed copies to another folder or to S3.')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip store move --to s3://my-bucket/photos
  unsplash-clip store move --to /mnt/photos/objects

OBJECT_STORE says where the copies are now: by default in the folder "objects" of UNSPLASH_CLIP_HOME.`,
    )
  store
    .command('move')
    .description('Copy all compressed copies to another place and compare them. The source stays unless you ask.')
    .requiredOption('--to <place>', 'a folder, or s3://bucket/prefix')
    .option('--overwrite', 'replace objects of the target that have the same name and other bytes')
    .option('--delete-source', 'remove the copies from the former place once all of them are compared')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip store move --to s3://my-bucket/photos
  OBJECT_STORE=s3://my-bucket/photos unsplash-clip store move --to ./objects

The same command continues an interrupted move. Every copy is read back from the new place and compared. S3_ENDPOINT,
S3_REGION and S3_FORCE_PATH_STYLE apply to both places. Stop workers first: they still write to the former place.`,
    )
    .action(async (options: MoveOptions) => {
      process.exitCode = await runCommand(options, {}, context => move(context, options))
    })
}

async function move({ app, out, signal }: Context, options: MoveOptions): Promise<number> {
  const { overwrite = false, deleteSource: removeSource = false } = options
  const progress = new Progress('copies')
  const { from, to, ...result } = await app
    .copyStore(options.to, {
      overwrite,
      removeSource,
      signal,
      onProgress: ({ copied, present, removed }) => {
        const already = present > 0 ? `, ${formatCount(present)} were there` : ''
        progress.write(
          removed > 0 ? `Removing: ${formatCount(removed)}` : `Copying: ${formatCount(copied)} done${already}`,
        )
      },
    })
    .finally(() => progress.end())
  const { copied, present, removed, bytes } = result
  if (copied + present === 0)
    throw new AppError(
      'NOT_FOUND',
      `Expected copies in ${from}, found none. Check OBJECT_STORE and UNSPLASH_CLIP_HOME.`,
    )
  const { seconds } = progress
  out.result(
    { from, to, ...result, seconds },
    [
      `${formatQuantity(copied + present, 'copy', 'copies')} (${formatBytes(bytes)}) are in ${to}, compared byte by byte: ${formatCount(copied)} written, ${formatCount(present)} were there already, in ${formatDuration(seconds)}.`,
      `${removed > 0 ? `${formatQuantity(removed, 'copy was', 'copies were')} removed from ${from}.` : `The former place is unchanged: ${from}.`} Use the new one: set OBJECT_STORE=${to}`,
    ].join('\n'),
  )
  return 0
}
