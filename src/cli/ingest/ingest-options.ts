import { AppError, PHOTO_FAILURES, type PhotoFailureCode } from '../../domain/errors.js'
import type { Priority } from '../../domain/ports/queue.js'
import { parseWhere } from '../../domain/where/parse-where.js'
import type { Selection } from '../../producers/selection/select.js'

interface SelectionOptions {
  sample?: number
  seed?: number
  limit?: number
  where?: string[]
}

export interface IngestOptions extends SelectionOptions {
  inputs: string[]
  urlTemplate?: string
  /** Folder with the images of a table, named by photo id. */
  images?: string
  store: boolean
  priority?: Priority
  onlyMissing?: boolean
  /** true: every failure; a code: failures with this code. */
  retryFailed?: string | true
  /** Worker processes to start; 0: workers run elsewhere. */
  processes: number
  wait?: boolean
  /** With `onlyMissing` or `retryFailed` and no input: embed stored copies instead of originals. */
  fromCopies?: boolean
  /** Ask for the images of embedded photos again, and embed those that changed. */
  refresh?: boolean
  /** Remove what the input no longer has. */
  sync?: boolean
  /** With `sync`: however much it is. */
  yes?: boolean
  /** Go on with what changes in the folders. Removes as `sync` does. */
  watch?: boolean
  /** With `watch`: seconds between looks at the whole folders. */
  rescan?: number
  dryRun?: boolean
  /** Frames per second of videos; undefined: videos are skipped. */
  videoFps?: number
  badRowsFile?: string
  /** Leave out the model's note on its purpose, because the input fits it. */
  madeForModel?: boolean
}

/** @throws AppError FILTER_INVALID */
export function selectionOf({ where = [], sample, seed = 0, limit }: SelectionOptions): Selection {
  return { where: where.flatMap(parseWhere), sample, seed, limit }
}

/** @throws AppError USAGE */
export function checkUsage({
  inputs,
  onlyMissing,
  retryFailed,
  dryRun: dry,
  sample,
  limit,
  where,
  fromCopies,
  urlTemplate,
  images,
  refresh,
  sync,
  yes,
  watch,
  rescan,
  videoFps,
}: IngestOptions): PhotoFailureCode | undefined {
  if (retryFailed !== undefined && inputs.length > 0)
    throw new AppError(
      'USAGE',
      `--retry-failed reads photos from the database: leave out ${inputs.join(' ')}. A code follows the option: --retry-failed HTTP_503`,
    )
  if (inputs.length === 0 && !onlyMissing && retryFailed === undefined)
    throw new AppError(
      'USAGE',
      'ingest expects an input: photos.tsv000, photos.csv, urls.txt, a folder of images or s3://bucket/prefix. Only --only-missing and --retry-failed need none.',
    )
  if (inputs.length === 0 && (dry || sample !== undefined || (where?.length ?? 0) > 0))
    throw new AppError('USAGE', '--dry-run, --sample and --where need an input.')
  if (
    sync &&
    (inputs.length === 0 || dry || onlyMissing || sample !== undefined || limit !== undefined || where?.length)
  )
    throw new AppError(
      'USAGE',
      '--sync compares the database with a whole input: name the input, and leave out --sample, --limit, --where, --only-missing and --dry-run.',
    )
  if (images !== undefined && (inputs.length === 0 || urlTemplate !== undefined))
    throw new AppError(
      'USAGE',
      '--images names the folder with the images of a table: name the table, and leave out --url-template.',
    )
  if (fromCopies && (!(onlyMissing || retryFailed) || inputs.length > 0 || urlTemplate !== undefined))
    throw new AppError(
      'USAGE',
      '--from-copies embeds the stored copies of the database: it needs --only-missing or --retry-failed, and neither an input nor --url-template.',
    )
  if (refresh && (inputs.length === 0 || onlyMissing || dry || watch))
    throw new AppError(
      'USAGE',
      '--refresh asks for the images of an input again: name the input, and leave out --only-missing, --watch and --dry-run.',
    )
  if (
    watch &&
    (inputs.length === 0 ||
      onlyMissing ||
      dry ||
      sample !== undefined ||
      limit !== undefined ||
      where?.length ||
      images !== undefined ||
      urlTemplate !== undefined ||
      videoFps !== undefined)
  )
    throw new AppError(
      'USAGE',
      '--watch keeps whole folders up to date: name the folders, and leave out --sample, --limit, --where, --only-missing, --dry-run, --images, --url-template and --video-fps.',
    )
  if (rescan !== undefined && !watch) throw new AppError('USAGE', '--rescan needs --watch.')
  if (yes && !sync && !watch)
    throw new AppError('USAGE', '--yes confirms what --sync or --watch removes: it needs one of them.')
  return typeof retryFailed === 'string' ? failureCode(retryFailed, '--retry-failed') : undefined
}

/** @param option that has the text. @throws AppError USAGE for what is no code of a photo */
export function failureCode(text: string, option: string): PhotoFailureCode {
  if (Object.hasOwn(PHOTO_FAILURES, text) || /^HTTP_\d{3}$/.test(text)) return text as PhotoFailureCode
  throw new AppError(
    'USAGE',
    `${option} expects one of HTTP_<status>, ${Object.keys(PHOTO_FAILURES).join(', ')}; found ${JSON.stringify(text)}`,
  )
}
