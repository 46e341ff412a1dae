import { TEXT_AXES } from './text-space.js'

/**
 * What a vector index over embeddings costs: rows, dimension and shape in, bytes and seconds out. Embeddings are indexed in
 * half precision, two bytes a number. Figures marked "measured" are of pgvector 0.8.0 on one core of a server CPU (2026),
 * 20,000 vectors of 512 numbers.
 */

/** pgvector's access methods. */
export type IndexMethod = 'ivfflat' | 'hnsw'

/** `text`: an ivfflat index over photos as texts see them (see TextSpace), which serves queries by text alone. */
export type IndexKind = IndexMethod | 'text'

export type IndexShape =
  | { kind: 'ivfflat' | 'text'; lists: number }
  | { kind: 'hnsw'; m: number; efConstruction: number }

export const MEBIBYTE = 1024 * 1024

/** pgvector's own bounds: `lists` of ivfflat, `hnsw.ef_search`. */
export const MAX_LISTS = 32_768
export const MAX_EF_SEARCH = 1000

const PAGE_BYTES = 8192
/** ivfflat: rows that k-means looks at, a list and at least (pgvector's ivfbuild.c). */
const SAMPLES_A_LIST = 50
const LEAST_SAMPLES = 10_000
/** Fewer rows a list than this, and most lists are noise. */
const LEAST_ROWS_A_LIST = 25

/** Lists for so many rows: 4 × √rows, FAISS's least recommendation; pgvector's rows / 1000 reads ten times as many rows for the same recall. */
export function listsFor(rows: number): number {
  const lists = Math.round(4 * Math.sqrt(rows))
  return Math.max(1, Math.min(lists, Math.floor(rows / LEAST_ROWS_A_LIST), MAX_LISTS))
}

/**
 * Bytes of maintenance_work_mem that a build needs. ivfflat refuses to start with less: k-means keeps its samples and the
 * bounds of Elkan's algorithm, a float for each pair of sample and list (pgvector's ivfkmeans.c). hnsw goes on with less, but
 * on disk, measured at 5 times the time: 1.8 kB a row with m = 16, 2.3 kB with m = 32.
 */
export function buildMemory(shape: IndexShape, rows: number, modelDimension: number): number {
  const dimension = numbersARow(shape, modelDimension)
  if (shape.kind === 'hnsw') return rows * (2 * dimension + 32 * shape.m + 300)
  const { lists } = shape
  const samples = Math.max(LEAST_SAMPLES, SAMPLES_A_LIST * lists)
  const vectors = (samples + 2 * lists) * (2 * dimension + 16) + 4 * lists * dimension
  const bounds = 4 * (samples * lists + 2 * samples + lists * lists + 4 * lists)
  return vectors + bounds
}

/** With as many lists as fit into so many bytes of a build. */
export function fittingLists<Shape extends { kind: 'ivfflat' | 'text'; lists: number }>(
  shape: Shape,
  bytes: number,
  rows: number,
  dimension: number,
): Shape {
  let { lists } = shape
  while (lists > 1 && buildMemory({ ...shape, lists }, rows, dimension) > bytes) lists = Math.floor(lists * 0.9)
  return { ...shape, lists }
}

/** Bytes on disk; measured 1,366 a row for hnsw with m = 16, 1,639 with m = 32. */
export function indexBytes(shape: IndexShape, rows: number, modelDimension: number): number {
  const dimension = numbersARow(shape, modelDimension)
  if (shape.kind === 'hnsw') return rows * (2 * dimension + 16 * shape.m + 100)
  const rowsAPage = Math.max(1, Math.floor((PAGE_BYTES - 32) / (2 * dimension + 24)))
  return Math.ceil(rows / rowsAPage + shape.lists) * PAGE_BYTES
}

/**
 * Seconds, a rough guess: k-means depends on how the vectors lie, and its part is not shared between processes.
 * @param workers parallel ones, beside the process that leads them
 */
export function buildSeconds(shape: IndexShape, rows: number, modelDimension: number, workers: number): number {
  const dimension = numbersARow(shape, modelDimension)
  const processes = 1 + workers
  if (shape.kind === 'hnsw') {
    const perRow = 0.22e-3 * (dimension / 512) * (shape.m / 16) ** 0.8 * (shape.efConstruction / 64) ** 0.8
    return (rows * perRow * Math.max(1, Math.log2(rows / 20_000 + 1))) / processes
  }
  const samples = Math.min(rows, Math.max(LEAST_SAMPLES, SAMPLES_A_LIST * shape.lists))
  const products = shape.lists * dimension
  // A photo is projected in 30 µs, once for its list and once to be written (measured).
  const projecting = shape.kind === 'text' ? (samples + 2 * rows) * 3e-5 : 0
  return samples * products * 1e-9 + (rows * products * 6e-11 + rows * 2e-5 + projecting) / processes
}

/** As in a person's `create index … with (…)`. */
export function describeShape(shape: IndexShape): string {
  return shape.kind === 'hnsw'
    ? `hnsw, m ${shape.m}, ef_construction ${shape.efConstruction}`
    : `${shape.kind}, ${shape.lists.toLocaleString('en-US')} lists`
}

function numbersARow({ kind }: IndexShape, dimension: number): number {
  return kind === 'text' ? Math.min(TEXT_AXES, dimension) + 1 : dimension
}
