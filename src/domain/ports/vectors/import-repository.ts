import type { Photo, PhotoColumn } from '../../photo.js'
import type { ModelId, RefusedRow } from '../repository.js'

/** An import of vectors, told apart by its model and its input. */
export interface VectorImport {
  modelId: ModelId
  /** SHA-256 of what identifies the input: names, sizes and times of its files, and the options that say how to read it. */
  digest: Buffer
  /** For display. */
  source: string
}

/** Photos with their vectors, in the order of the input. No id occurs twice. */
export interface VectorPage {
  photos: Photo[]
  /** Columns that some of the photos have values for, besides the id. */
  columns: ReadonlySet<PhotoColumn>
  /** Bits of the vectors in half precision, [photos, dimension]. */
  halves: Uint16Array
  /** Rows of the input that are dealt with once this page is written, bad ones included. */
  rowsDone: number
}

export interface WrittenVectors {
  /** Photos that had no vector of the model. */
  added: number
  /** Photos that had another one. */
  replaced: number
  refused: RefusedRow[]
}

/**
 * Vectors that were made elsewhere. Promises: writes are idempotent upserts; a vector is there only with its photo; a
 * page is written as a whole, unless rows of it are refused.
 */
export interface ImportRepository {
  /**
   * Begins an import, or continues it.
   * @returns rows of the input that an earlier, unfinished import of the same input has written
   */
  begin(of: VectorImport): Promise<number>
  write(of: VectorImport, page: VectorPage): Promise<WrittenVectors>
  /** Marks the import as finished, so that the next one of the same input reads all of it again. */
  finish(of: VectorImport): Promise<void>
}
