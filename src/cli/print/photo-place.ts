import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isObjectPath, pathOfObjectUrl } from '../../domain/places/object-place.js'
import { parquetRow } from '../../domain/places/parquet-row.js'
import { videoFrame } from '../../domain/places/video-frame.js'
import { oneLine } from './output.js'
import { shellWord } from './shell-word.js'

/** The path of an own photo's file, or its address in a bucket; null for a photo of a host. @param imageUrl `photo_image_url` */
export function filePath(imageUrl: string): string | null {
  if (isObjectPath(imageUrl)) return pathOfObjectUrl(imageUrl)
  if (!/^file:/i.test(imageUrl)) return null
  try {
    return fileURLToPath(imageUrl)
  } catch {
    return null
  }
}

/** Name of an own photo's file, for headings. */
export function fileName(imageUrl: string): string | null {
  const path = filePath(imageUrl)
  if (path === null) return null
  const part = partOf(imageUrl)
  return part === undefined ? basename(path) : `${basename(path)} ${part}`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001F\u007F-\u009F\u2028\u2029]/

/**
 * A place in a line of text: a path as a shell takes it, or a URL as it is.
 * @param url a page, or the image
 */
export function placeLine(url: string): string {
  const path = filePath(url)
  if (path === null) return oneLine(url)
  // A URL has no control characters, and the terminal must not obey those of a name.
  if (CONTROL.test(path)) return oneLine(url)
  const pasteable = shellWord(path)
  const part = partOf(url)
  return part === undefined ? pasteable : `${pasteable}  # ${part}`
}

/** The part of its file that a photo is. */
function partOf(url: string): string | undefined {
  if (isObjectPath(url)) return undefined
  const second = videoFrame(url)?.second
  const row = parquetRow(url)?.row
  return second !== undefined ? `at ${second} s` : row !== undefined ? `row ${row}` : undefined
}
