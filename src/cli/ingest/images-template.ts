import { opendir, realpath } from 'node:fs/promises'
import { extname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { AppError } from '../../domain/errors.js'
import { formatCount } from '../../domain/text/format.js'

const EXTENSION = /^\.(?:jpe?g|png|webp|avif|tiff?|gif)$/i
/** Files that are looked at. */
const SAMPLE = 1000

/**
 * The URL template for images in a folder that are named by their photo ids, such as `1k-compressed/-N_UwPdUs7E.jpg`. Their
 * extension is the most frequent one.
 * @param onNote is told when other extensions are passed over
 * @returns undefined without `images`
 * @throws AppError INPUT_NOT_FOUND, INPUT_INVALID for a folder without images
 */
export async function imagesTemplate(
  { images }: { images?: string },
  onNote?: (text: string) => void,
): Promise<string | undefined> {
  if (images === undefined) return undefined
  const counts = new Map<string, number>()
  let files = 0
  try {
    for await (const entry of await opendir(images)) {
      const extension = extname(entry.name)
      if (EXTENSION.test(extension)) counts.set(extension, (counts.get(extension) ?? 0) + 1)
      if (++files >= SAMPLE) break
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new AppError('INPUT_NOT_FOUND', `--images expects a folder, found ${code} at ${images}.`, { cause })
  }
  const [most, ...others] = [...counts].sort(([, a], [, b]) => b - a)
  if (most === undefined)
    throw new AppError(
      'INPUT_INVALID',
      `--images expects a folder with images named by photo id, found none in ${images}.`,
    )
  if (others.length > 0)
    onNote?.(
      `Expected one extension in ${images}, found ${[most, ...others].map(([extension, count]) => `${formatCount(count)} ${extension}`).join(', ')}. Only ${most[0]} is read. Rename the others to it: the content of a file decides its format.`,
    )
  return `${pathToFileURL(await realpath(images)).href}/{photo_id}${most[0]}`
}
