import type { Place, RowProblem } from '../producers/input/source.js'

/** A row of an input with what it says, not yet checked, or the problem with it. */
export type VectorRow = Place &
  (
    | {
        /** Its numbers; null: it has none. Valid until the next row is read. */
        vector: ArrayLike<number> | null
        /** Photo id from outside of the record: a file of ids, the name of a sample. */
        id?: string
        /** Its other columns, by name. */
        record: Readonly<Record<string, unknown>>
        problem?: undefined
      }
    | { problem: RowProblem }
  )

/**
 * An input of vectors, opened and checked. Promises: rows come in the same order every time, with constant memory; a bad row
 * never ends the stream; damage to a file as a whole rejects with AppError INPUT_INVALID.
 */
export interface VectorSource {
  /** For people. */
  readonly description: string
  /** Files that are read: their sizes and times identify the input. */
  readonly files: readonly string[]
  /** Rows of the input; null: unknown before it is read. */
  readonly total: number | null
  /** About the input as a whole. */
  readonly warnings: readonly string[]
  /** Columns of which nothing is kept, known after the rows were read. */
  leftOut(): string[]
  rows(): AsyncIterable<VectorRow>
}

/** One file, or a matrix with its metadata. */
export interface VectorPart {
  files: string[]
  /** Null: unknown before it is read. */
  rows: number | null
  dimension: number | null
  read(): AsyncIterable<VectorRow>
  warnings?: string[]
  /** Columns of which nothing is kept. Those of records are added with the first one that is read. */
  leftOut: string[]
}

export interface VectorInputOptions {
  /** Numbers per vector of the model. */
  dimension: number
  /** File with the photo id of each row of an .npy file. */
  ids?: string
  idColumn?: string
  vectorColumn?: string
}
