import { pipeline, Readable } from 'node:stream'
import { extract } from 'tar-stream'
import { AppError } from '../../domain/errors.js'
import { damaged, type Part } from '../../producers/input/part.js'
import { excerpt, type RowProblem } from '../../producers/input/source.js'
import { parseVector } from '../npy/vector.js'
import { leftOutOf } from '../record-columns.js'
import type { VectorInputOptions, VectorRow } from '../vector-source.js'

/** Of a vector and a record; other files of a sample, such as its image, are not read. */
const MAX_FILE_BYTES = 4 << 20
/** `000/abc.txt.json`: the key of a sample ends at the first dot of its name. */
const SAMPLE_FILE = /^((?:.*\/)?[^/.]*)\.([^/]*)$/

interface Sample {
  key: string
  npy: Buffer | 'too large' | null
  json: Buffer | 'too large' | null
}

/**
 * One row per sample of a shard of WebDataset: `KEY.npy` has the vector, `KEY.json` the record.
 * https://github.com/webdataset/webdataset
 * @param leftOut receives the names of the first record's fields of which nothing is kept
 * @throws AppError INPUT_INVALID for a damaged archive
 */
export async function* readShard(
  part: Part,
  { idColumn }: Pick<VectorInputOptions, 'idColumn'>,
  leftOut: string[],
): AsyncGenerator<VectorRow> {
  let line = 0
  for await (const sample of samples(part)) {
    const place = { line: ++line, part: part.name }
    const name = sample.key.slice(sample.key.lastIndexOf('/') + 1)
    const read = contentOf(sample)
    if (line === 1 && !('problem' in read)) leftOut.push(...leftOutOf(read.record, idColumn))
    yield 'problem' in read
      ? { ...place, problem: read.problem }
      : { ...place, vector: read.vector, record: { __key__: name, ...read.record } }
  }
}

type Content = { vector: ArrayLike<number> | null; record: Record<string, unknown> } | { problem: RowProblem }

function contentOf({ key, npy, json }: Sample): Content {
  if (npy === 'too large' || json === 'too large')
    return { problem: { code: 'ROW_TOO_LONG', found: `${key}: a file above ${MAX_FILE_BYTES} bytes` } }
  let vector: ArrayLike<number> | null
  try {
    vector = npy && parseVector(npy, `${key}.npy`)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { problem: { code: 'BAD_VECTOR', found: error.message } }
  }
  try {
    const record: unknown = JSON.parse(json?.toString('utf8') ?? '{}')
    if (record !== null && typeof record === 'object' && !Array.isArray(record))
      return { vector, record: record as Record<string, unknown> }
  } catch {
    // As any other text that is no object.
  }
  return { problem: { code: 'BAD_JSON', found: excerpt(json!.toString('utf8')) } }
}

/** The files of a sample lie one after the other. */
async function* samples(part: Part): AsyncGenerator<Sample> {
  const archive = extract()
  const bytes: Readable = Readable.from(part.bytes(), { objectMode: false })
  // Errors reach the reader through `archive`.
  pipeline(bytes, archive, () => {})
  let sample = null as Sample | null
  try {
    for await (const entry of archive) {
      const { type, name, size = 0 } = entry.header
      const [, key, extension] = SAMPLE_FILE.exec(name) ?? []
      if (type !== 'file' || key === undefined) {
        entry.resume()
        continue
      }
      if (sample !== null && sample.key !== key) yield sample
      if (sample?.key !== key) sample = { key, npy: null, json: null }
      if (extension === 'npy' || extension === 'json') sample[extension] = await contentsOf(entry, size)
      else entry.resume()
    }
  } catch (error) {
    if (error instanceof AppError) throw error
    throw damaged(part.name, 'tar archive', error)
  }
  if (sample !== null) yield sample
}

async function contentsOf(entry: AsyncIterable<Buffer> & { resume(): void }, size: number) {
  if (size > MAX_FILE_BYTES) {
    entry.resume()
    return 'too large'
  }
  const chunks: Buffer[] = []
  for await (const chunk of entry) chunks.push(chunk)
  return Buffer.concat(chunks)
}
