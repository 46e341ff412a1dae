import type { Photo } from '../../domain/photo.js'
import type { FileState, PhotoPlace, PlaceRepository } from '../../domain/ports/place-repository.js'
import type { SkippedFiles } from '../places/choose-files.js'

/** Reasons for skipping a row. Stable: summaries and the file of bad rows contain them. */
export const ROW_PROBLEMS = {
  WRONG_COLUMN_COUNT: 'The row has more or fewer fields than the header.',
  BAD_QUOTES: 'A quoted field is not closed, or text follows its closing quote.',
  BAD_JSON: 'The line is no JSON object.',
  BROKEN_UTF8: 'The row, or the name of the file, is not valid UTF-8.',
  ROW_TOO_LONG: 'The row is longer than any row of the dataset can be.',
  NO_ID: 'The photo id is empty.',
  BAD_ID: 'The photo id is not 1 to 64 letters, digits, _ or -.',
  NO_URL: 'The image URL is empty.',
  NO_IMAGE: 'The row has no image.',
  NOT_A_URL: 'The image URL is not an http or https URL.',
  DUPLICATE_ID: 'An earlier row has the same photo id.',
  NO_VECTOR: 'The row has no vector.',
  BAD_VECTOR: 'The vector is not a list of numbers.',
  WRONG_DIMENSION: 'The vector has more or fewer numbers than those of the model.',
  NOT_FINITE: 'The vector has a number that is NaN, infinite or missing.',
  ZERO_VECTOR: 'All numbers of the vector are 0, so it has no direction.',
  NO_KEY: 'A column without which rows are not told apart is empty.',
  BAD_KEY: 'A column by which rows are told apart has a value that does not fit it.',
  VALUE_TOO_LONG: 'A text is longer than an index can hold.',
  REFUSED: 'The database refused the row.',
  UNREADABLE: 'The folder, file or object cannot be read.',
  TOO_MANY_FRAMES: 'The video has more frames at that rate than one video gives.',
  CHANGING: 'The file changed while it was read. The next ingest reads it again.',
} as const satisfies Record<string, string>

export type RowProblemCode = keyof typeof ROW_PROBLEMS

export interface RowProblem {
  code: RowProblemCode
  /** The value found, for people; at most a line. */
  found: string
}

/** A value that does not fit its column: stored as null (or without its NUL characters); the row stays. */
export interface ValueWarning {
  code: 'BAD_VALUE' | 'NUL_REMOVED'
  column: string
  value: string
}

export interface Place {
  /** Line on which the row starts, from 1; in a folder of images the number of the file. */
  line: number
  /** File, archive entry or folder of the row. */
  part: string
  /** Absolute path, in a folder of images. */
  path?: string
}

export interface PhotoRow extends Place {
  photo: Photo
  warnings?: ValueWarning[]
  problem?: undefined
  /** Of a file that was read: its state and digest, to be recorded. */
  place?: PhotoPlace
  /** A file that has not changed since it was recorded, so nothing of it has to be stored. */
  isKnown?: boolean
  /** An earlier file of the input has the same content. */
  isCopy?: boolean
}

export interface BadRow extends Place {
  problem: RowProblem
  photo?: undefined
  file?: undefined
  raw?: undefined
}

/** An image file that is not identified yet. */
export interface FileRow extends Place {
  file: FileState
  /** The RAW file of this JPEG: it stays the photo if it is embedded and the JPEG was not recorded. */
  raw?: FileState & { mustBeEmbedded: true }
  problem?: undefined
}

/** One row of an input: a photo, or the problem with it. */
export type SourceRow = PhotoRow | BadRow

export type SourceKind = 'table' | 'records' | 'url-list' | 'image-folder' | 'bucket'

/** Whether the photos of a source have places, which tell when one is gone. */
export function hasPlaces(kind: SourceKind): boolean {
  return kind === 'image-folder' || kind === 'bucket'
}

/**
 * An input, opened and checked: its format is known and its required columns are there. Promises: rows come in the same
 * order every time, with constant memory; a bad row never ends the stream; damage to the file as a whole (an archive cut
 * short, for instance) rejects with AppError INPUT_INVALID.
 */
export interface Source {
  readonly kind: SourceKind
  /** Folders of images and single image files, as absolute paths without links, or `s3://` addresses. */
  readonly folders: readonly string[]
  /** Files below the folders that hold no photo, counted while the rows are read. */
  readonly skipped?: Readonly<SkippedFiles>
  /** For people, and recorded with the run. */
  readonly description: string
  /** Warnings about the input as a whole: missing or ignored columns. */
  readonly warnings: readonly string[]
  /**
   * @param known what is recorded of files. Without it, files are not read, and their ids are good for counting only; other
   * inputs do not need it
   */
  rows(known?: Pick<PlaceRepository, 'unchanged'>): AsyncIterable<SourceRow>
  close(): Promise<void>
}

/** Quotes a text for a report, shortened. */
export function excerpt(text: string, maxLength = 80): string {
  const shown = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text
  return JSON.stringify(shown)
}
