import { AppError } from '../domain/errors.js'
import { PHOTO_ID_PATTERN } from '../domain/photo.js'
import type { SearchOptions } from '../domain/ports/search.js'

/** The cursor of a hit, `SCORE,PHOTO_ID`: the next page begins after it. JavaScript prints every digit of a number. */
export function cursorOf({ score, photoId }: { score: number; photoId: string }): string {
  return `${score},${photoId}`
}

/**
 * Reads a cursor back.
 * @param name of the option or parameter that holds it, for the message
 * @throws AppError USAGE
 */
export function parseCursor(text: string, name: string): NonNullable<SearchOptions['after']> {
  const comma = text.indexOf(',')
  const [score, photoId] = [text.slice(0, comma), text.slice(comma + 1)]
  if (!/^-?\d+(\.\d+)?(e-\d+)?$/.test(score) || !PHOTO_ID_PATTERN.test(photoId))
    throw new AppError(
      'USAGE',
      `${name} expects SCORE,PHOTO_ID as the page before ends (for instance 0.2871,iflUHY8zMYc), found ${JSON.stringify(text)}`,
    )
  return { score: Number(score), photoId }
}
