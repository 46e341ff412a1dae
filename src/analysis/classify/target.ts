import { AppError } from '../../domain/errors.js'
import type { LabelSet } from '../../domain/labels.js'
import { PHOTO_COLUMNS, type Photo, type PhotoColumn } from '../../domain/photo.js'

/** What a photo is to be classified by. */
export interface Target {
  /** As it was written: `exif_iso:200,1000`. */
  name: string
  /** The column to read; null: the labels of a set. */
  column: PhotoColumn | null
  /** Of bins, in words, for reports: `low: up to 200`. Empty without bounds. */
  bins: string[]
  /** The class of a photo; null: it has no value. */
  classOf(photo: Partial<Photo>, labels: Readonly<Record<string, { label: string }>>): string | null
  /** Classes in the order of reports. */
  inOrder(classes: readonly string[]): string[]
}

const WRITTEN = /^([a-z][a-z0-9_]*)(?::(.*))?$/

/**
 * Reads `COLUMN`, `COLUMN:BOUND,…` or the name of a label set. Bounds belong to the bin below them.
 * @throws AppError USAGE
 */
export function parseTarget(text: string, sets: readonly LabelSet[]): Target {
  const [, name, bounds] = WRITTEN.exec(text) ?? []
  const set = sets.find(each => each.name === name)
  if (name !== undefined && Object.hasOwn(PHOTO_COLUMNS, name)) {
    const column = name as PhotoColumn
    return bounds === undefined ? valuesOf(column) : binsOf(text, column, parseBounds(text, bounds))
  }
  if (set !== undefined && bounds === undefined) return labelsOf(set)
  throw new AppError(
    'USAGE',
    `analyze classify expects a column of photos, a column with bounds (exif_iso:200,1000) or a label set; found ${JSON.stringify(text)}. ` +
      `The columns: ${Object.keys(PHOTO_COLUMNS).join(', ')}. The label sets: ${sets.map(each => each.name).join(', ') || 'none'}`,
  )
}

function labelsOf({ name, labels }: LabelSet): Target {
  return {
    name,
    column: null,
    bins: [],
    classOf: (_, ofPhoto) => ofPhoto[name]?.label ?? null,
    inOrder: classes => labels.filter(label => classes.includes(label)),
  }
}

function valuesOf(column: PhotoColumn): Target {
  const type = PHOTO_COLUMNS[column]
  if (type === 'number' || type === 'timestamp')
    throw new AppError(
      'USAGE',
      type === 'number'
        ? `${column} holds numbers, and nearly every photo has one of its own. Give bounds, such as ${column}:10,100`
        : `${column} holds times, which are no classes. Choose a column of texts or numbers`,
    )
  const isText = type === 'text'
  return {
    name: column,
    column,
    bins: [],
    classOf: photo => {
      const value = photo[column] ?? null
      return value === null || String(value).trim() === '' ? null : String(value)
    },
    inOrder: classes => (isText ? [...classes].sort() : [...classes].sort((a, b) => Number(a) - Number(b))),
  }
}

function binsOf(text: string, column: PhotoColumn, bounds: readonly number[]): Target {
  const type = PHOTO_COLUMNS[column]
  if (type === 'boolean' || type === 'timestamp')
    throw new AppError('USAGE', `bounds divide numbers, and ${column} is ${type}; found ${JSON.stringify(text)}`)
  const names = binNames(bounds)
  return {
    name: text,
    column,
    bins: names.map((name, i) => `${name}: ${rangeOf(bounds, i)}`),
    classOf: photo => {
      const value = numberOf(photo[column])
      return value === null ? null : names[bounds.filter(bound => value > bound).length]!
    },
    inOrder: classes => names.filter(name => classes.includes(name)),
  }
}

/** Texts of the dataset hold numbers, too: an aperture of "2.8". */
function numberOf(value: unknown): number | null {
  const text = String(value ?? '').trim()
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : null
}

function parseBounds(text: string, list: string): number[] {
  const bounds = list.split(',').map(part => (part.trim() === '' ? Number.NaN : Number(part)))
  const isRising = bounds.every((bound, i) => Number.isFinite(bound) && (i === 0 || bound > bounds[i - 1]!))
  if (!isRising)
    throw new AppError('USAGE', `bounds are rising numbers, as in exif_iso:200,1000; found ${JSON.stringify(text)}`)
  return bounds
}

function binNames(bounds: readonly number[]): string[] {
  if (bounds.length === 1) return ['low', 'high']
  if (bounds.length === 2) return ['low', 'medium', 'high']
  return Array.from({ length: bounds.length + 1 }, (_, i) => rangeOf(bounds, i))
}

function rangeOf(bounds: readonly number[], bin: number): string {
  if (bin === 0) return `up to ${bounds[0]}`
  return bin === bounds.length ? `over ${bounds[bin - 1]}` : `over ${bounds[bin - 1]} to ${bounds[bin]}`
}
