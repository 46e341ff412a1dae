/**
 * Estimates the cost of a vector index over embeddings: from rows, dimension and shape to bytes and seconds. Indexes
 * store embeddings in half precision, two bytes per number. Figures marked "measured" are from pgvector 0.8.0 on one
 * core of a server CPU (2026), with 20,000 vectors of 512 numbers.
 */
import { formatQuantity } from '../text/format.js'

/** pgvector's access methods. */
export type IndexMethod = 'ivfflat' | 'hnsw'

export type ListShape = { kind: 'ivfflat'; lists: number }
export type GraphShape = { kind: 'hnsw'; m: number; efConstruction: number }
export type IndexShape = ListShape | GraphShape

/** pgvector's limits: `lists` of ivfflat, `hnsw.ef_search`. */
export const MAX_LISTS = 32_768
export const MAX_EF_SEARCH = 1000

const PAGE_BYTES = 8192
/** ivfflat: rows per list in the sample of k-means (pgvector's ivfbuild.c). */
const SAMPLES_A_LIST = 50
const LEAST_SAMPLES = 10_000
/** With fewer rows per list, most lists are noise. */
const LEAST_ROWS_A_LIST = 25

/**
 * Returns the number of lists: 4 × √rows, the lower end of FAISS's recommendation. pgvector's rows / 1000 reads ten
 * times as many rows for the same recall.
 */
export function listsFor(rows: number): number {
  const lists = Math.round(4 * Math.sqrt(rows))
  return Math.max(1, Math.min(lists, Math.floor(rows / LEAST_ROWS_A_LIST), MAX_LISTS))
}

/**
 * Returns the bytes of maintenance_work_mem that a build needs. ivfflat refuses to start with less: k-means keeps its
 * samples and the bounds of Elkan's algorithm, one float per pair of sample and list (pgvector's ivfkmeans.c). With
 * less, hnsw continues on disk and takes 5 times as long (measured). It needs 1.8 kB per row with m = 16, 2.3 kB with m
 * = 32.
 */
export function buildMemory(shape: IndexShape, rows: number, dimension: number): number {
  if (shape.kind === 'hnsw') return rows * (2 * dimension + 32 * shape.m + 300)
  const { lists } = shape
  const samples = Math.max(LEAST_SAMPLES, SAMPLES_A_LIST * lists)
  const vectors = (samples + 2 * lists) * (2 * dimension + 16) + 4 * lists * dimension
  const bounds = 4 * (samples * lists + 2 * samples + lists * lists + 4 * lists)
  return vectors + bounds
}

/** Reduces the number of lists until the build fits into the given bytes. */
export function fittingLists(shape: ListShape, bytes: number, rows: number, dimension: number): ListShape {
  let { lists } = shape
  while (lists > 1 && buildMemory({ ...shape, lists }, rows, dimension) > bytes) lists = Math.floor(lists * 0.9)
  return { ...shape, lists }
}

/** Returns the bytes on disk. Measured per row: 1,366 for hnsw with m = 16, 1,639 with m = 32. */
export function indexBytes(shape: IndexShape, rows: number, dimension: number): number {
  if (shape.kind === 'hnsw') return rows * (2 * dimension + 16 * shape.m + 100)
  const rowsAPage = Math.max(1, Math.floor((PAGE_BYTES - 32) / (2 * dimension + 24)))
  return Math.ceil(rows / rowsAPage + shape.lists) * PAGE_BYTES
}

/**
 * Estimates seconds, roughly: the time of k-means depends on the distribution of the vectors, and k-means runs in one
 * process; and to put a row into its list took 0.6e-10 s per list and number on a CPU of 2024, 2.2e-10 on one of 2021.
 * @param workers parallel workers, not counting the leader
 */
export function buildSeconds(shape: IndexShape, rows: number, dimension: number, workers: number): number {
  const processes = 1 + workers
  if (shape.kind === 'hnsw') {
    const perRow = 0.22e-3 * (dimension / 512) * (shape.m / 16) ** 0.8 * (shape.efConstruction / 64) ** 0.8
    return (rows * perRow * Math.max(1, Math.log2(rows / 20_000 + 1))) / processes
  }
  const samples = Math.min(rows, Math.max(LEAST_SAMPLES, SAMPLES_A_LIST * shape.lists))
  const products = shape.lists * dimension
  return samples * products * 1e-9 + (rows * products * 1.2e-10 + rows * 2e-5) / processes
}

/** Describes a shape with the options of `create index … with (…)`. */
export function describeShape(shape: IndexShape): string {
  return shape.kind === 'hnsw'
    ? `hnsw, m ${shape.m}, ef_construction ${shape.efConstruction}`
    : `${shape.kind}, ${formatQuantity(shape.lists, 'list')}`
}
