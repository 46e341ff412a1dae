import { AppError } from '../../domain/errors.js'
import { PHOTO_ID_PATTERN } from '../../domain/photo.js'
import type { PhotosFilter } from '../../domain/ports/search.js'
import { readLineFile } from './line-file.js'

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
