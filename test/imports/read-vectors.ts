import type { Photo } from '../../src/domain/photo.js'
import type { ImportRepository } from '../../src/domain/ports/vectors/import-repository.js'
import { importVectors } from '../../src/imports/import-vectors.js'
import { openVectors } from '../../src/imports/open-vectors.js'
import type { VectorInputOptions, VectorRow } from '../../src/imports/vector-source.js'
import type { BadRow } from '../../src/producers/input/source.js'

type Options = Partial<VectorInputOptions>

/** The rows of an input, vectors as lists. */
export async function rowsOf(
  paths: string | string[],
  options: Options = {},
): Promise<(VectorRow & { numbers?: number[] })[]> {
  const source = await openVectors([paths].flat(), { dimension: 2, ...options })
  const rows: (VectorRow & { numbers?: number[] })[] = []
  for await (const row of source.rows())
    rows.push(row.problem === undefined && row.vector ? { ...row, numbers: Array.from(row.vector) } : row)
  return rows
}

/** What reading an input without writing finds. */
export async function checkedIn(paths: string | string[], options: Options = {}) {
  const how = { dimension: 2, ...options }
  const bad: BadRow[] = []
  const source = await openVectors([paths].flat(), how)
  const signal = new AbortController().signal
  const summary = await importVectors(source, null, { ...how, signal, onBadRow: row => bad.push(row) })
  return { summary, bad: bad.map(({ line, problem }) => [line, problem.code]) }
}

/** The photos that an import writes. */
export async function photosIn(path: string, options: Options = {}): Promise<Photo[]> {
  const how = { dimension: 2, ...options }
  const written: Photo[] = []
  const repository: ImportRepository = {
    begin: async () => 0,
    finish: async () => {},
    async write(_of, { photos }) {
      written.push(...photos)
      return { added: photos.length, replaced: 0, refused: [] }
    },
  }
  const target = { repository, import: { modelId: 1, digest: Buffer.alloc(32), source: path } }
  await importVectors(await openVectors([path], how), target, { ...how, signal: new AbortController().signal })
  return written
}
