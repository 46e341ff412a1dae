import { AppError } from '../../domain/errors.js'
import type { VectorInputOptions, VectorPart, VectorRow } from '../vector-source.js'
import { countIds, readIds } from './ids.js'
import { matrixRows, type NpyMatrix, openMatrix } from './matrix.js'

/** @throws AppError INPUT_NOT_FOUND, INPUT_INVALID, USAGE without a file of ids */
export async function openNpyVectors(path: string, { ids }: VectorInputOptions): Promise<VectorPart> {
  const matrix = await openMatrix(path)
  if (ids === undefined)
    throw new AppError(
      'USAGE',
      `${path} has ${matrix.rows} vectors and no ids: name the file with the photo id of each row, one per line: --ids FILE.`,
    )
  const count = await countIds(ids)
  if (count !== matrix.rows)
    throw new AppError('INPUT_INVALID', `${ids}: expected ${matrix.rows} ids, one per row of ${path}, found ${count}.`)
  const { rows, columns: dimension } = matrix
  return { files: [path, ids], rows, dimension, leftOut: [], read: () => readNpy(matrix, ids) }
}

async function* readNpy(matrix: NpyMatrix, idsPath: string): AsyncGenerator<VectorRow> {
  const ids = readIds(idsPath)
  try {
    let line = 0
    for await (const vector of matrixRows(matrix)) {
      const { value = '' } = await ids.next()
      yield { line: ++line, part: matrix.path, vector, id: value as string, record: {} }
    }
  } finally {
    await ids.return(undefined)
  }
}
