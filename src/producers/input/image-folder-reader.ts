import type { BigIntStats, Dirent } from 'node:fs'
import { lstat, readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isExhausted } from '../../domain/text/error-text.js'
import { chooseFiles, noneSkipped, type SkippedFiles, stem } from '../places/choose-files.js'
import { fileState } from '../places/digest-file.js'
import { type BadRow, excerpt, type FileRow } from './source.js'

const REPLACEMENT_CHARACTER = '\uFFFD'
/** Longest path that an index of Postgres holds whatever it looks like, in bytes. */
const MAX_PATH_BYTES = 2500
/** Files whose state is asked for at the same time. */
const STAT_AT_ONCE = 64

/**
 * The files below a folder that hold photos, ordered by path; see {@link chooseFiles}. Skips hidden files and links to
 * folders, which may form cycles; follows links to files.
 * @param folder or a single file
 * @param skipped counts what holds no photo
 * @param copies where copies are stored: not photos of a folder above them
 */
export async function* readImageFolder(
  folder: string,
  skipped: SkippedFiles = noneSkipped(),
  copies?: string,
): AsyncGenerator<FileRow | BadRow> {
  // The folder may itself be a link: its files have one absolute path however it is named.
  const root = await realpath(folder)
  yield* rowsOf(root, walk(root, skipped, { copies: await realFolder(copies) }))
}

/**
 * The files among some paths below a folder that hold photos, and the files below those that are folders. Files of the same
 * name but for the extension come along, since of a RAW file and its JPEG one is taken.
 * @param folder absolute, without links
 * @param paths absolute; what is not there any more is passed over
 */
export async function* readChangedFiles(
  folder: string,
  paths: readonly string[],
  skipped: SkippedFiles = noneSkipped(),
  copiesFolder?: string,
): AsyncGenerator<FileRow | BadRow> {
  const copies = await realFolder(copiesFolder)
  const areCopies = (path: string) => copies?.startsWith(`${folder}/`) && `${path}/`.startsWith(`${copies}/`)
  const stems = new Map<string, Set<string>>()
  const folders: string[] = []
  for (let from = 0; from < paths.length; from += STAT_AT_ONCE) {
    const some = paths.slice(from, from + STAT_AT_ONCE).filter(path => !areCopies(path))
    const found = await Promise.all(some.map(path => lstat(path).catch(() => null)))
    for (const [i, path] of some.entries())
      if (found[i]?.isDirectory()) folders.push(path)
      else if (path !== folder) {
        // Also of a file that is gone: its RAW file may be taken now.
        const ofFolder = stems.get(dirname(path)) ?? new Set()
        stems.set(dirname(path), ofFolder.add(stem(basename(path))))
      }
  }
  // What lies in one of the folders is read with it.
  const outermost = new Set(folders.filter(each => !isBelowAny(each, folders)))
  async function* found(): AsyncGenerator<Found> {
    for (const each of outermost) yield* walk(each, skipped, { copies })
    for (const [each, names] of stems)
      if (!outermost.has(each) && !isBelowAny(each, folders)) yield* walk(each, skipped, { only: names })
  }
  yield* rowsOf(folder, found())
}

/** Without links, as the paths below a folder are; undefined for a place in a bucket, and before there is one. */
async function realFolder(path: string | undefined): Promise<string | undefined> {
  return path === undefined ? undefined : await realpath(path).catch(() => undefined)
}

function isBelowAny(path: string, folders: readonly string[]): boolean {
  return folders.some(folder => path.startsWith(`${folder}/`))
}

async function* rowsOf(part: string, files: AsyncIterable<Found>): AsyncGenerator<FileRow | BadRow> {
  let line = 0
  for await (const found of files) {
    line++
    const { path } = found
    const at = { line, part, path }
    if (path.includes(REPLACEMENT_CHARACTER)) yield { ...at, problem: { code: 'BROKEN_UTF8', found: excerpt(path) } }
    else if ('error' in found)
      yield { ...at, problem: { code: 'UNREADABLE', found: `${path}: ${found.error.message}` } }
    else if (Buffer.byteLength(path) > MAX_PATH_BYTES)
      yield {
        ...at,
        problem: { code: 'VALUE_TOO_LONG', found: `path: ${Buffer.byteLength(path)} bytes, ${excerpt(path, 40)}` },
      }
    else {
      const { raw } = found
      yield {
        ...at,
        file: fileState(path, found.stats),
        ...(raw && 'stats' in raw ? { raw: { ...fileState(raw.path, raw.stats), mustBeEmbedded: true } } : {}),
      }
    }
  }
}

type Found = { path: string; stats: BigIntStats; raw?: Found } | { path: string; error: Error }

/** @param options `only`: stems of files: the others and all folders are passed over; `copies`: a folder that is passed over */
async function* walk(
  folder: string,
  skipped: SkippedFiles,
  { only, copies }: { only?: ReadonlySet<string>; copies?: string },
): AsyncGenerator<Found> {
  let entries: Dirent[]
  try {
    entries = await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (isExhausted(error)) throw error
    if (only) return
    const isFile = (error as NodeJS.ErrnoException).code === 'ENOTDIR'
    yield isFile
      ? { path: folder, stats: await stat(folder, { bigint: true }) }
      : { path: folder, error: error as Error }
    return
  }
  if (only) entries = entries.filter(entry => !entry.isDirectory() && only.has(stem(entry.name)))
  const { chosen, raws } = await chooseFiles(
    folder,
    entries.filter(entry => entry.isFile() || entry.isSymbolicLink()),
    skipped,
  )
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (let from = 0; from < entries.length; from += STAT_AT_ONCE) {
    const some = entries.slice(from, from + STAT_AT_ONCE)
    const found = await Promise.all(some.map(({ name }) => (chosen.has(name) ? lookAtPair(folder, name, raws) : null)))
    for (const [i, entry] of some.entries()) {
      if (entry.isDirectory() && !entry.name.startsWith('.')) {
        const path = join(folder, entry.name)
        if (path !== copies) yield* walk(path, skipped, { copies })
      } else if (found[i]) yield found[i]
    }
  }
}

async function lookAtPair(folder: string, name: string, raws: ReadonlyMap<string, string>): Promise<Found | null> {
  const found = await lookAt(folder, name)
  const raw = raws.get(name)
  return raw !== undefined && found && 'stats' in found
    ? { ...found, raw: (await lookAt(folder, raw)) ?? undefined }
    : found
}

/** @returns null for a link to what is no file */
async function lookAt(folder: string, name: string): Promise<Found | null> {
  const path = join(folder, name)
  try {
    const stats = await stat(path, { bigint: true })
    return stats.isFile() ? { path, stats } : null
  } catch (error) {
    if (isExhausted(error)) throw error
    // A dangling link is reported instead of being silently absent.
    const isGone = await lstat(path).then(
      () => false,
      () => true,
    )
    // A name that is no UTF-8 is read as another one, which does not exist.
    const isNamed = !name.includes(REPLACEMENT_CHARACTER)
    if (isGone && isNamed && (error as NodeJS.ErrnoException).code === 'ENOENT') return null
    return { path, error: error as Error }
  }
}
