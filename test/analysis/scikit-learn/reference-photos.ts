import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Matrix, matrix } from '../../../src/analysis/matrix/matrix.js'
import { readMatrix } from '../../../src/models/check/npy.js'
import { RecordSplitter } from '../../../src/producers/input/record-splitter.js'
import { REFERENCE } from '../../support/servers/requirements.js'

/** The 700 real photos of the reference material: vectors of unit length, and the columns of each. */
export async function referencePhotos(): Promise<{ vectors: Matrix; photos: Record<string, string>[] }> {
  const folder = join(REFERENCE, 'unsplash')
  const rows = await readMatrix(join(folder, 'clip-vit-b-32-image.npy'))
  const ids = (await readFile(join(folder, 'clip-vit-b-32-image.ids.txt'), 'utf8')).trim().split('\n')
  const splitter = new RecordSplitter(',')
  const [header, ...records] = [...splitter.push(await readFile(join(folder, 'photos-700.csv'))), ...splitter.end()]
  const table = records.map(({ fields }) =>
    Object.fromEntries(header!.fields.map((name, i) => [name, fields[i] ?? ''])),
  )
  const byId = new Map(table.map(row => [row.photo_id, row]))
  const vectors = matrix(rows.length, rows[0]!.length)
  rows.forEach((row, i) => {
    const length = Math.hypot(...row)
    vectors.values.set(
      row.map(value => value / length),
      i * row.length,
    )
  })
  return { vectors, photos: ids.map(id => byId.get(id)!) }
}
