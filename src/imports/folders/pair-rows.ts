import { matrixRows } from '../npy/matrix.js'
import { tableRows } from '../parquet/table.js'
import { recordColumns } from '../record-columns.js'
import type { VectorInputOptions, VectorRow } from '../vector-source.js'
import type { VectorPair } from './clip-retrieval.js'

/** One row per row of a matrix, with its record of the table. @throws AppError INPUT_INVALID, INPUT_COLUMNS_MISSING */
export async function* readPair(
  { matrix, table }: VectorPair,
  { idColumn, dimension }: VectorInputOptions,
): AsyncGenerator<VectorRow> {
  const records = tableRows(table, recordColumns(table.path, [...table.flat.keys()], idColumn), dimension)
  try {
    let line = 0
    for await (const vector of matrixRows(matrix)) {
      const { value } = await records.next()
      yield { line: ++line, part: matrix.path, vector, record: value!.record }
    }
  } finally {
    await records.return(undefined)
  }
}
