import { readFile } from 'node:fs/promises'
import { AppError } from '../domain/errors.js'
import { PHOTO_ID_PATTERN } from '../domain/photo.js'
import type { KeywordFilter, NearFilter, PhotosFilter } from '../domain/ports/search.js'

/** `60.39,5.32,50`: within 50 km of Bergen. The database knows which places there are. */
export function nearFilter(text: string): NearFilter {
  const numbers = text.split(',').map(part => (/^\s*-?\d+(\.\d+)?\s*$/.test(part) ? Number(part) : Number.NaN))
  const [latitude, longitude, km] = numbers
  if (numbers.length !== 3 || numbers.some(Number.isNaN))
    throw new AppError(
      'USAGE',
      `--near expects LATITUDE,LONGITUDE,KM (for instance 60.39,5.32,50), found ${JSON.stringify(text)}`,
    )
  return { near: { latitude: latitude!, longitude: longitude!, km: km! } }
}

/** `dog` or `dog:50` (least confidence). */
export function keywordFilter(text: string): KeywordFilter {
  const [, keyword, confidence] = /^(.*?)(?::(\d+(?:\.\d+)?))?$/s.exec(text)!
  return { keyword: keyword!, ...(confidence === undefined ? {} : { min_confidence: Number(confidence) }) }
}

/**
 * Ids of photos, one a line.
 * @throws AppError INPUT_NOT_FOUND, INPUT_INVALID
 */
export async function readPhotoList(file: string): Promise<PhotosFilter> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new AppError(
      'INPUT_NOT_FOUND',
      `--photos expects a file with the id of a photo a line, found ${JSON.stringify(file)}: ${error.code}`,
      { cause: error },
    )
  })
  const lines = text.split('\n').map(line => line.trim())
  const wrong = lines.findIndex(line => line !== '' && !PHOTO_ID_PATTERN.test(line))
  if (wrong >= 0)
    throw new AppError(
      'INPUT_INVALID',
      `${file}, line ${wrong + 1}: ${JSON.stringify(lines[wrong]!.slice(0, 80))}: expected the id of a photo`,
    )
  return { photos: lines.filter(line => line !== '') }
}
