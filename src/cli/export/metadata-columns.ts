import { AppError } from '../../domain/errors.js'
import { PHOTO_COLUMNS, type PhotoColumn } from '../../domain/photo.js'

/**
 * The columns that `--columns` names, in the order of the table; without it all of them.
 * @throws AppError USAGE for an unknown column
 */
export function metadataColumns(list: string | undefined): PhotoColumn[] {
  const all = Object.keys(PHOTO_COLUMNS) as PhotoColumn[]
  if (list === undefined) return all
  if (list.trim() === 'none') return []
  const names = list.split(',').map(name => name.trim())
  const unknown = names.find(name => !Object.hasOwn(PHOTO_COLUMNS, name))
  if (unknown !== undefined)
    throw new AppError(
      'USAGE',
      `--columns expects names of columns separated by commas, or none; found ${JSON.stringify(unknown)}. Columns: ${all.join(', ')}.`,
    )
  return all.filter(name => names.includes(name))
}
