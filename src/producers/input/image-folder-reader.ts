import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { barePhoto } from '../../domain/photo.js'
import { isExhausted } from '../../domain/text/error-text.js'
import { derivedId } from './derived-id.js'
import { excerpt, type SourceRow } from './source.js'

const IMAGE_NAME = /^[^.].*\.(?:jpe?g|jfif|png|webp|gif|avif|tiff?)$/i
const REPLACEMENT_CHARACTER = '\uFFFD'

/**
 * The image files below a folder, ordered by path. A photo's id derives from its path in the folder, with `/` between
 * the segments, so it stays the same when the folder moves. Skips hidden files and links to folders, which may form
 * cycles; follows links to files.
 */
export async function* readImageFolder(folder: string): AsyncGenerator<SourceRow> {
  const root = resolve(folder)
  let line = 0
  for await (const found of walk(root, '')) {
    line++
    if ('error' in found)
      yield { line, part: root, problem: { code: 'UNREADABLE', found: `${found.path}: ${found.error.message}` } }
    else if (found.path.includes(REPLACEMENT_CHARACTER))
      yield { line, part: root, problem: { code: 'BROKEN_UTF8', found: excerpt(found.path) } }
    else {
      const url = pathToFileURL(join(root, found.path)).href
      yield { line, part: root, photo: barePhoto(derivedId(found.path), url) }
    }
  }
}

type Found = { path: string } | { path: string; error: Error }

async function* walk(root: string, folder: string): AsyncGenerator<Found> {
  let entries: Dirent[]
  try {
    entries = await readdir(join(root, folder), { withFileTypes: true })
  } catch (error) {
    if (isExhausted(error)) throw error
    yield { path: folder || '.', error: error as Error }
    return
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory() && !entry.name.startsWith('.')) yield* walk(root, path)
    else if (IMAGE_NAME.test(entry.name) && (await isFile(root, path, entry))) yield { path }
  }
}

async function isFile(root: string, path: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isFile()
  // A dangling link counts as a file: its photo fails by name instead of being silently absent.
  return stat(join(root, path)).then(
    stats => stats.isFile(),
    () => true,
  )
}
