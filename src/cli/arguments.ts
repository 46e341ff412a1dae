import { InvalidArgumentError } from 'commander'
import { AppError } from '../domain/errors.js'
import { PHOTO_COLUMNS, type PhotoColumn } from '../domain/photo.js'
import type { ColumnFilter, FilterOperator, LabelFilter, ListFilter, NullFilter } from '../domain/ports/search.js'

/** Parser of an option that is a whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (!/^-?\d+$/.test(text) || value < min || value > max)
      throw new InvalidArgumentError(`A whole number from ${min} to ${max} was expected.`)
    return value
  }
}

/** Parser of an option that is a number from `min` to `max`. */
export function realNumber(min: number, max: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (text.trim() === '' || !(value >= min && value <= max))
      throw new InvalidArgumentError(`A number from ${min} to ${max} was expected.`)
    return value
  }
}

/** Parser of an option that may be given several times. */
export function collect(text: string, before: string[] | undefined): string[] {
  return [...(before ?? []), text]
}

/** `taken_time=night`, `taken_time=night:0.5` or `taken_time=night:2e-4` (least score). */
export function labelFilter(text: string): LabelFilter {
  const match = /^([a-z][a-z0-9_]*)=(.+?)(?::(0(?:\.\d+)?|[1-9](?:\.\d+)?e-\d+|1(?:\.0+)?))?$/.exec(text)
  if (!match)
    throw new AppError(
      'USAGE',
      `--label expects SET=LABEL or SET=LABEL:SCORE (for instance taken_time=night:0.5), found ${JSON.stringify(text)}`,
    )
  const [, set, label, score] = match
  return { set: set!, label: label!, ...(score === undefined ? {} : { minScore: Number(score) }) }
}

/**
 * `photo_location_country=Norway`, `exif_iso>=800`, `photo_description~dog`, `photo_location_country in Norway|Japan`,
 * `exif_iso is null`, `exif_iso is not null`.
 */
export function columnFilter(text: string): ColumnFilter | ListFilter | NullFilter {
  const match = /^([a-z_]+)(?:\s*(>=|<=|!=|=|<|>|~)|\s+(in)\s|\s+(is null|is not null)\s*$)\s*([\s\S]*)$/.exec(text)
  if (!match)
    throw new AppError(
      'USAGE',
      `--where expects COLUMN, one of = != < <= > >= ~, and a value, or COLUMN in A|B|C, COLUMN is null, COLUMN is not null; found ${JSON.stringify(text)}`,
    )
  const [, column, operator, list, unknown, value] = match
  if (!Object.hasOwn(PHOTO_COLUMNS, column!))
    throw new AppError(
      'FILTER_INVALID',
      `--where: there is no column ${JSON.stringify(column)}. Columns: ${Object.keys(PHOTO_COLUMNS).join(', ')}`,
    )
  const of = { column: column as PhotoColumn }
  if (unknown) return { ...of, operator: unknown as NullFilter['operator'] }
  if (list) return { ...of, operator: 'in', value: value!.split('|').map(one => one.trim()) }
  return { ...of, operator: operator as FilterOperator, value: value! }
}
