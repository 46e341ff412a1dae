import { resolve } from 'node:path'
import { AppError } from '../../domain/errors.js'
import { PHOTO_ID_PATTERN } from '../../domain/photo.js'
import type { RemovalRepository } from '../../domain/ports/removal-repository.js'
import { formatCount, formatQuantity } from '../../domain/text/format.js'
import { parseWhere } from '../../domain/where/parse-where.js'
import { removePhotos } from '../../producers/removal/remove-photos.js'
import type { Context } from '../context.js'
import { readLineFile } from '../options/line-file.js'
import { Progress } from '../print/progress.js'
import { confirmed } from './confirmed.js'
import { removalDeps } from './removal-deps.js'

export interface RemoveOptions {
  where?: string[]
  /** File of ids, URLs and paths. */
  from?: string
  dryRun?: boolean
  yes?: boolean
}

interface Chosen {
  photoIds: string[]
  /** Lines of the file that name no photo. */
  unknown: string[]
}

/** The `photo rm` command. Asks on a terminal, unless it is told `yes`. @returns exit code */
export async function removeChosenPhotos(
  context: Context,
  ids: readonly string[],
  options: RemoveOptions,
): Promise<number> {
  const { app, out, signal } = context
  const { removals } = await app.repositories()
  const { photoIds, unknown } = await choose(removals, ids, options)
  const all = await removals.countPhotos()
  if (unknown.length > 0)
    out.note(`${formatQuantity(unknown.length, 'line names', 'lines name')} no photo: ${examples(unknown)}`)
  const share = `${formatCount(photoIds.length)} of ${formatQuantity(all, 'photo')}`
  if (photoIds.length === 0 || options.dryRun) {
    const text = photoIds.length === 0 ? 'No photo to remove.' : `Would remove ${share}, such as ${examples(photoIds)}.`
    out.result({ photos: photoIds.length, unknown: unknown.length, dryRun: options.dryRun ?? false }, text)
    return 0
  }
  const question = `Remove ${share} with embeddings, labels and stored copies? Original files stay.`
  if (!(await confirmed(context, options.yes ?? false, 'photo rm', question))) return 1
  const progress = new Progress('remove')
  const removed = await removePhotos(photoIds, removalDeps(app, removals), {
    onProgress: done => progress.write(`remove: ${formatCount(done)} of ${formatQuantity(photoIds.length, 'photo')}`),
    signal,
  }).finally(() => progress.end())
  out.result(
    { ...removed, unknown: unknown.length },
    `Removed ${formatQuantity(removed.photos, 'photo')} and ${formatQuantity(removed.copies, 'stored copy', 'stored copies')}; ${formatQuantity(await removals.countPhotos(), 'is', 'are')} left.`,
  )
  return 0
}

/** @throws AppError USAGE; NOT_FOUND for an id on the command line that no photo has; FILTER_INVALID, INPUT_NOT_FOUND */
async function choose(removals: RemovalRepository, ids: readonly string[], options: RemoveOptions): Promise<Chosen> {
  const { where, from } = options
  const ways = [ids.length > 0, where !== undefined, from !== undefined].filter(Boolean).length
  if (ways !== 1)
    throw new AppError(
      'USAGE',
      `photo rm expects one of: ids, --where CONDITION, --from FILE; found ${ways === 0 ? 'none' : 'several'}.`,
    )
  if (where) return { photoIds: await removals.matching(where.flatMap(parseWhere)), unknown: [] }
  if (from !== undefined) return chooseListed(removals, from)
  const existing = new Set(await removals.existing(ids))
  const unknown = ids.filter(id => !existing.has(id))
  if (unknown.length > 0)
    throw new AppError(
      'NOT_FOUND',
      `Expected ids of photos, found none with ${examples(unknown)}. Nothing was removed. --from FILE also takes URLs and paths.`,
    )
  return { photoIds: [...existing], unknown: [] }
}

/** Ids, page or image URLs, and paths of own photos, one per line. Skips empty lines and lines that start with #. */
async function chooseListed(removals: RemovalRepository, file: string): Promise<Chosen> {
  const lines = (await readLineFile(file, '--from expects a file with one photo id, URL or path per line'))
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
  const found = new Map<string, readonly string[]>()
  for (const id of await removals.existing(lines.filter(line => PHOTO_ID_PATTERN.test(line)))) found.set(id, [id])
  // The name of a file without an extension looks like an id.
  const others = lines.filter(line => !found.has(line))
  const addresses = new Map(others.map(line => [line, isUrl(line) ? line : resolve(line)]))
  const ofAddress = await removals.byAddress([...new Set(addresses.values())])
  for (const [line, address] of addresses) {
    const ids = ofAddress.get(address)
    if (ids) found.set(line, ids)
  }
  return { photoIds: [...new Set([...found.values()].flat())], unknown: lines.filter(line => !found.has(line)) }
}

function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9]*:\/\//i.test(text)
}

function examples(texts: readonly string[]): string {
  const shown = texts.slice(0, 3).map(text => text.slice(0, 100))
  return texts.length > shown.length ? `${shown.join(', ')}, …` : shown.join(', ')
}
