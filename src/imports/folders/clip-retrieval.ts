import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { AppError } from '../../domain/errors.js'
import { compareNames } from '../../producers/input/zip.js'
import { type NpyMatrix, openMatrix } from '../npy/matrix.js'
import { openVectorTable, type VectorTable } from '../parquet/table.js'

const MATRIX_NAME = /^img_emb_(\d+)\.npy$/

/** A matrix of vectors and the table of their metadata, row by row. */
export interface VectorPair {
  matrix: NpyMatrix
  table: VectorTable
}

export async function isClipRetrieval(folder: string): Promise<boolean> {
  return (await namesIn(join(folder, 'img_emb'))).some(name => MATRIX_NAME.test(name))
}

/** Whether vectors of texts lie beside those of images. */
export async function hasTextVectors(folder: string): Promise<boolean> {
  return (await namesIn(join(folder, 'text_emb'))).length > 0
}

/**
 * The output folder of clip-retrieval's inference: `img_emb/img_emb_N.npy` with `metadata/metadata_N.parquet`.
 * https://github.com/rom1504/clip-retrieval
 * @throws AppError INPUT_INVALID: a matrix without its table, or with another number of rows
 */
export async function openClipRetrieval(folder: string): Promise<VectorPair[]> {
  const matrices = (await namesIn(join(folder, 'img_emb'))).filter(name => MATRIX_NAME.test(name)).sort(compareNames)
  const tables = await namesIn(join(folder, 'metadata'))
  const pairs: VectorPair[] = []
  for (const name of matrices) {
    const number = MATRIX_NAME.exec(name)![1]!
    const tableName = `metadata_${number}.parquet`
    if (!tables.includes(tableName))
      throw new AppError(
        'INPUT_INVALID',
        `${join(folder, 'img_emb', name)}: expected metadata/${tableName} with the ids of its rows, found none.`,
      )
    const matrix = await openMatrix(join(folder, 'img_emb', name))
    const table = await openVectorTable(join(folder, 'metadata', tableName), null)
    if (matrix.rows !== table.rows)
      throw new AppError(
        'INPUT_INVALID',
        `${folder}: expected as many rows in ${basename(matrix.path)} as in ${tableName}, found ${matrix.rows} and ${table.rows}.`,
      )
    pairs.push({ matrix, table })
  }
  return pairs
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => [])
}
