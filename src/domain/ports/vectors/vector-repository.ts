import type { Photo, PhotoColumn } from '../../photo.js'
import type { ModelId } from '../repository.js'
import type { Filter, LabelFilter } from '../search.js'

/** Photos with an embedding of a model. All conditions must match. */
export interface VectorSelection {
  modelId: ModelId
  /** The filters of searches. */
  filters?: { labels?: readonly LabelFilter[]; where?: readonly Filter[] }
  /** Only these photos. Those without an embedding of the model are left out. Default: all. */
  ids?: readonly string[]
}

export interface VectorPages {
  /** Only photos whose id comes after this one: the last id of the pages that are done. Default: all. */
  after?: string
  /** Most photos per page. Default: 1000. */
  pageSize?: number
  /** Metadata to read with each photo. Default: none. */
  columns?: readonly PhotoColumn[]
  /** Whether to read the labels of each photo. Default: false. */
  withLabels?: boolean
  signal?: AbortSignal
}

/** Some photos, n of them, with their vectors. The index is the same in all lists. */
export interface VectorPage {
  /** Of the photos, rising by their bytes. [n] */
  ids: string[]
  /** As stored: in half precision, of unit length. [n, dimension] */
  vectors: Float32Array
  dimension: number
  /** Keys of the stored copies in the object store; null: there is none. [n] */
  storedKeys: (string | null)[]
  /** The wanted columns. [n] */
  photos: Partial<Photo>[]
  /** Label and score by label set; without `withLabels` empty. [n] */
  labels: Record<string, { label: string; score: number }>[]
}

/** Reads stored vectors in bulk. */
export interface VectorRepository {
  /** Counts the selected photos, by reading all of them. Rejects with FILTER_INVALID. */
  count(selection: VectorSelection): Promise<number>
  /**
   * The selected photos in the order of their ids, as a stream of pages in constant memory. Each page is one statement, so
   * nothing is held between pages; photos that come or go meanwhile are in the stream or not, and never in it twice. Rejects
   * with FILTER_INVALID, and with the reason of the signal.
   */
  read(selection: VectorSelection, pages?: VectorPages): AsyncIterable<VectorPage>
}
