import { AppError } from '../errors.js'
import type { KeywordFilter, LabelFilter, NearFilter } from '../ports/search.js'

/**
 * Parses `taken_time=night`, `taken_time=night:0.5` or `taken_time=night:2e-4` (minimum score).
 * @param name of the option or parameter, for the message
 * @throws AppError USAGE
 */
export function labelFilter(text: string, name: string): LabelFilter {
  const match = /^([a-z][a-z0-9_]*)=(.+?)(?::(0(?:\.\d+)?|[1-9](?:\.\d+)?e-\d+|1(?:\.0+)?))?$/.exec(text)
  if (!match)
    throw new AppError(
      'USAGE',
      `${name} expects SET=LABEL or SET=LABEL:SCORE (for example taken_time=night:0.5), found ${JSON.stringify(text)}`,
    )
  const [, set, label, score] = match
  return { set: set!, label: label!, ...(score === undefined ? {} : { minScore: Number(score) }) }
}

/**
 * Parses `60.39,5.32,50`, within 50 km of Bergen. The database checks the coordinates.
 * @param name of the option or parameter, for the message
 * @throws AppError USAGE
 */
export function nearFilter(text: string, name: string): NearFilter {
  const numbers = text.split(',').map(part => (/^\s*-?\d+(\.\d+)?\s*$/.test(part) ? Number(part) : Number.NaN))
  const [latitude, longitude, km] = numbers
  if (numbers.length !== 3 || numbers.some(Number.isNaN))
    throw new AppError(
      'USAGE',
      `${name} expects LATITUDE,LONGITUDE,KM (for example 60.39,5.32,50), found ${JSON.stringify(text)}`,
    )
  return { near: { latitude: latitude!, longitude: longitude!, km: km! } }
}

/** Parses `dog` or `dog:50` (minimum confidence). */
export function keywordFilter(text: string): KeywordFilter {
  const [, keyword, confidence] = /^(.*?)(?::(\d+(?:\.\d+)?))?$/s.exec(text)!
  return { keyword: keyword!, ...(confidence === undefined ? {} : { min_confidence: Number(confidence) }) }
}
