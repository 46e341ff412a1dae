import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../domain/errors.js'
import { looksLikeJsonLines } from '../producers/dataset/jsonl.js'
import { isParquet } from '../producers/dataset/parquet.js'
import { invalid, textHead } from '../producers/input/dataset-files.js'
import { decompressed, filePart } from '../producers/input/part.js'
import { compareNames } from '../producers/input/zip.js'
import { hasTextVectors, isClipRetrieval, openClipRetrieval } from './folders/clip-retrieval.js'
import { requireComplete } from './folders/complete-export.js'
import { readPair } from './folders/pair-rows.js'
import { openTensorboard } from './folders/tensorboard.js'
import { readShard } from './folders/webdataset.js'
import { HEAD_BYTES, isNpy } from './npy/header.js'
import { openNpyVectors } from './npy/npy-vectors.js'
import { leftOutOfTable, openParquetVectors, readParquetVectors } from './parquet/parquet-vectors.js'
import { openCsvVectors, readCsvVectors } from './text/csv-vectors.js'
import { readJsonLinesVectors } from './text/jsonl-vectors.js'
import type { VectorInputOptions, VectorPart, VectorSource } from './vector-source.js'

const EXPECTED =
  'Expected one or more of: vectors.npy with --ids FILE, .parquet, .csv or .jsonl (also .gz) with a column of vectors, a .tar of WebDataset, a folder of one of these, an output folder of clip-retrieval (img_emb, metadata), or one of TensorBoard.'
const TABLE = /\.(?:csv|tsv)(?:\.gz)?$/i
/** Files of one kind make a folder an input, in this order. */
const KINDS = [/\.parquet$/i, /\.tar$/i, /\.jsonl(?:\.gz)?$/i, TABLE] as const
/** Where folders of datasets keep their files. */
const DATA_FOLDERS = ['', 'data']
const USTAR_AT = 257

/**
 * Opens inputs of vectors and detects their kinds, by content first and name second.
 * @throws AppError INPUT_NOT_FOUND, INPUT_INVALID, INPUT_COLUMNS_MISSING, USAGE; nothing is left open
 */
export async function openVectors(paths: readonly string[], options: VectorInputOptions): Promise<VectorSource> {
  if (paths.length === 0) throw new AppError('USAGE', `No input was given. ${EXPECTED}`)
  const parts: VectorPart[] = []
  for (const path of paths) parts.push(...(await openPath(path, options)))
  if (options.ids !== undefined && !(parts.length === 1 && parts[0]!.files.includes(options.ids)))
    throw new AppError('USAGE', '--ids names the photo ids of one .npy file: leave it out for other inputs.')
  const other = parts.find(({ dimension }) => dimension !== null && dimension !== options.dimension)
  if (other)
    throw new AppError(
      'INPUT_INVALID',
      `${other.files[0]}: expected vectors of ${options.dimension} numbers, as the model has them, found ${other.dimension}. Name the model that made them: --model NAME.`,
    )
  return {
    description: paths.join(' '),
    files: parts.flatMap(({ files }) => files),
    total: parts.reduce<number | null>((sum, { rows }) => (sum === null || rows === null ? null : sum + rows), 0),
    warnings: [...new Set(parts.flatMap(({ warnings = [] }) => warnings))],
    leftOut: () => [...new Set(parts.flatMap(({ leftOut }) => leftOut))],
    async *rows() {
      for (const part of parts) yield* part.read()
    },
  }
}

async function openPath(path: string, options: VectorInputOptions): Promise<VectorPart[]> {
  const stats = await stat(path).catch(cause => {
    throw new AppError('INPUT_NOT_FOUND', `${path} cannot be found. ${EXPECTED}`, { cause })
  })
  return stats.isDirectory() ? openFolder(path, options) : [await openFile(path, options)]
}

async function openFolder(folder: string, options: VectorInputOptions): Promise<VectorPart[]> {
  await requireComplete(folder)
  if (await isClipRetrieval(folder)) {
    const pairs = await openClipRetrieval(folder)
    const warnings = (await hasTextVectors(folder))
      ? [`${join(folder, 'text_emb')} is left out: its vectors are of texts, not of photos.`]
      : []
    return pairs.map(pair => ({
      files: [pair.matrix.path, pair.table.path],
      ...{ rows: pair.matrix.rows, dimension: pair.matrix.columns, warnings },
      leftOut: leftOutOfTable(pair.table, options),
      read: () => readPair(pair, options),
    }))
  }
  const tensors = await openTensorboard(folder, options)
  if (tensors.length > 0) return tensors
  for (const place of DATA_FOLDERS) {
    const names = (await readdir(join(folder, place)).catch(() => [])).sort(compareNames)
    for (const kind of KINDS) {
      const files = names.filter(name => kind.test(name)).map(name => join(folder, place, name))
      if (files.length > 0) return Promise.all(files.map(file => openFile(file, options)))
    }
    const matrix = names.find(name => /\.npy$/i.test(name))
    if (matrix !== undefined)
      throw new AppError(
        'USAGE',
        `${folder} has ${matrix}, and no metadata with the ids of its rows: name the file, and the file of its ids: --ids FILE.`,
      )
  }
  throw invalid(folder, 'a folder without vectors', EXPECTED)
}

async function openFile(path: string, options: VectorInputOptions): Promise<VectorPart> {
  if (await isParquet(path)) {
    const table = await openParquetVectors(path, options)
    return {
      ...{ files: [path], rows: table.rows, dimension: null, leftOut: leftOutOfTable(table, options) },
      read: () => readParquetVectors(table, options),
    }
  }
  const part = await decompressed(filePart(path))
  const head = await textHead(part, EXPECTED)
  if (isNpy(head.subarray(0, HEAD_BYTES))) return openNpyVectors(path, options)
  const leftOut: string[] = []
  const shared = { files: [path], rows: null, dimension: null, leftOut }
  if (head.toString('latin1', USTAR_AT, USTAR_AT + 5) === 'ustar')
    return { ...shared, read: () => readShard(part, options, leftOut) }
  if (looksLikeJsonLines(head) || /\.jsonl(?:\.gz)?$/i.test(path))
    return { ...shared, read: () => readJsonLinesVectors(part, options, leftOut) }
  if (TABLE.test(path)) {
    const table = await openCsvVectors(part, options)
    return { ...shared, leftOut: table.leftOut, read: () => readCsvVectors(table) }
  }
  if (head.subarray(0, 2).toString('latin1') === 'PK')
    throw invalid(path, 'an archive (.npz holds several arrays; save the one with the vectors by numpy.save)', EXPECTED)
  const isDamaged = /\.(?:npy|parquet|tar)$/i.test(path)
  throw invalid(path, isDamaged ? 'a file that does not begin as its name says' : 'a file of another kind', EXPECTED)
}
