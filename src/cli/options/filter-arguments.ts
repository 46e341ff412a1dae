import { AppError } from '../../domain/errors.js'
import { PHOTO_ID_PATTERN } from '../../domain/photo.js'
import type { KeywordFilter, NearFilter, PhotosFilter } from '../../domain/ports/search.js'
import { readLineFile } from './line-file.js'

/** Parses `60.39,5.32,50`, within 50 km of Bergen. The database checks the coordinates. */
export function nearFilter(text: string): NearFilter {
  const numbers = text.split(',').map(part => (/^\s*-?\d+(\.\d+)?\s*$/.test(part) ? Number(part) : Number.NaN))
  const [latitude, longitude, km] = numbers
  if (numbers.length !== 3 || numbers.some(Number.isNaN))
    throw new AppError(
      'USAGE',
      `--near expects LATITUDE,LONGITUDE,KM (for example 60.39,5.32,50), found ${JSON.stringify(text)}`,
    )
  return { near: { latitude: latitude!, longitude: longitude!, km: km! } }
}

/** Parses `dog` or `dog:50` (minimum confidence). */
export function keywordFilter(text: string): KeywordFilter {
  const [, keyword, confidence] = /^(.*?)(?::(\d+(?:\.\d+)?))?$/s.exec(text)!
  return { keyword: keyword!, ...(confidence === undefined ? {} : { min_confidence: Number(confidence) }) }
}

/**
 * Reads photo ids, one per line.
 * @throws AppError INPUT_NOT_FOUND, INPUT_INVALID
 */
export async function readPhotoList(file: string): Promise<PhotosFilter> {
  const expected = '--photos expects a file with one photo id per line'
  const lines = (await readLineFile(file, expected)).map(line => line.trim())
  const wrong = lines.findIndex(line => line !== '' && !PHOTO_ID_PATTERN.test(line))
  if (wrong >= 0)
    throw new AppError(
      'INPUT_INVALID',
      `${file}, line ${wrong + 1}: ${JSON.stringify(lines[wrong]!.slice(0, 80))}: expected a photo id`,
    )
  return { photos: lines.filter(line => line !== '') }
}
