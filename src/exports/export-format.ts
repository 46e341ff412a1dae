import type { VectorPage } from '../domain/ports/vectors/vector-repository.js'
import type { Column } from './columns.js'

/** The name of a format is that of its option. */
export const FORMAT_NAMES = ['npy', 'parquet', 'csv', 'jsonl', 'tensorboard', 'webdataset', 'atlas'] as const
export type FormatName = (typeof FORMAT_NAMES)[number]

/** Numbers of binary vectors. Stored vectors have half precision, so float16 loses nothing. */
export const DTYPES = ['float32', 'float16'] as const
export type Dtype = (typeof DTYPES)[number]

/** What is exported, the same for all shards. */
export interface ExportPlan {
  /** `name@precision` */
  model: string
  dimension: number
  dtype: Dtype
  /** The first one is `photo_id`. */
  columns: readonly Column[]
  /** Photos, as counted before the first shard. */
  photos: number
  /** Bytes of a stored copy; null: it is gone. */
  readCopy(storedKey: string): Promise<Uint8Array | null>
}

/** A file of the export, relative to its target, with `/` between folders. */
export interface ExportedFile {
  path: string
  bytes: number
  /** Of its bytes, in hexadecimal digits. */
  sha256: string
}

/** Some photos in the order of their ids, and the files that hold them. */
export interface Shard {
  photos: number
  firstId: string
  lastId: string
  files: ExportedFile[]
}

export interface ShardWriter {
  /** Bytes so far, of all files. */
  readonly bytes: number
  add(page: VectorPage): Promise<void>
  /** Completes the files and flushes them to the disk. */
  close(): Promise<void>
  /** Closes the files as they are. */
  abort(): Promise<void>
}

/** What a format may look at before the first shard. */
export interface Preparation {
  /** All photos of the export, once. */
  pages: AsyncIterable<VectorPage>
  onProgress(text: string): void
  signal: AbortSignal
}

export interface ExportFormat {
  /** Photos per page: what is held in memory at once. */
  readonly pageSize: number
  /** Whether the format holds vectors as binary numbers, so that `dtype` applies. */
  readonly isBinary: boolean
  /**
   * Computes what depends on all photos. It may be another thing after photos came or went, so an export that is interrupted
   * begins with its first photo again.
   */
  prepare?(plan: ExportPlan, preparation: Preparation): Promise<void>
  /**
   * Begins the shard with this number, from 0.
   * @param place gives the local path at which to write a file of the export
   */
  openShard(number: number, plan: ExportPlan, place: (path: string) => string): Promise<ShardWriter>
  /** Files about the whole export, written at its end. */
  describe?(plan: ExportPlan, shards: readonly Shard[]): { path: string; text: string }[]
}
