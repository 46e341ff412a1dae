import { AppError } from '../domain/errors.js'
import { columnsOf } from '../producers/dataset/records.js'

/**
 * Columns that may hold the id of a photo where there is neither `photo_id` nor an URL, the first one wins: of img2dataset,
 * clip-retrieval (a path or the key of a sample) and WebDataset.
 */
export const ID_NAMES = ['id', 'image_id', 'key', '__key__', 'image_path', 'file_name', 'filename']

/**
 * The columns that an import reads: those that a photo has, and those of ids.
 * @param idColumn that the user names
 * @throws AppError INPUT_COLUMNS_MISSING when it is not there
 */
export function recordColumns(path: string, names: readonly string[], idColumn: string | undefined): string[] {
  if (idColumn !== undefined && !names.includes(idColumn))
    throw new AppError(
      'INPUT_COLUMNS_MISSING',
      `${path}: expected the column ${idColumn} (--id-column), found ${names.join(', ') || 'none'}.`,
    )
  const ofPhotos = new Set(columnsOf(names))
  return names.filter(name => name === idColumn || ofPhotos.has(name) || ID_NAMES.includes(name.toLowerCase()))
}

/** The columns of which nothing is kept. @param read what {@link recordColumns} returned */
export function leftOutColumns(names: readonly string[], read: readonly string[]): string[] {
  return names.filter(name => !read.includes(name))
}

/** As {@link leftOutColumns}, of a record whose columns are not known before it is read. */
export function leftOutOf(record: Readonly<Record<string, unknown>>, idColumn: string | undefined): string[] {
  const names = Object.keys(record)
  return leftOutColumns(names, recordColumns('', names, names.includes(idColumn ?? '') ? idColumn : undefined))
}
