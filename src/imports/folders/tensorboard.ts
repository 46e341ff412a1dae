import { createReadStream } from 'node:fs'
import { access, readdir, readFile } from 'node:fs/promises'
import { isAbsolute, join, normalize } from 'node:path'
import { AppError } from '../../domain/errors.js'
import { type Line, readLines } from '../../producers/input/line-splitter.js'
import { filePart } from '../../producers/input/part.js'
import { problemOfCount } from '../../producers/input/photo-row.js'
import { excerpt, type RowProblem } from '../../producers/input/source.js'
import { compareNames } from '../../producers/input/zip.js'
import { leftOutColumns, recordColumns } from '../record-columns.js'
import { vectorOfTexts } from '../text/csv-vectors.js'
import type { VectorInputOptions, VectorPart, VectorRow } from '../vector-source.js'

const CONFIG = 'projector_config.pbtxt'
/** Of a message in the text format of protocol buffers. */
const EMBEDDING = /embeddings\s*\{([^}]*)\}/g
const TENSOR_FILE = /^(?:tensors|vectors)(.*\.tsv)$/
const LF = 10

/** Files with the vectors, and with what is known of them, line by line. */
interface TensorPair {
  tensors: string
  metadata: string
}

/**
 * The folders that TensorBoard's projector reads: those that its configuration names, else `tensors….tsv` with
 * `metadata….tsv`. https://github.com/tensorflow/tensorboard/blob/master/docs/tensorboard_projector_plugin.ipynb
 * @returns empty: it is no such folder
 * @throws AppError INPUT_INVALID: vectors without metadata, which have the ids, or with other numbers of lines; paths that
 * lead out of the folder
 */
export async function openTensorboard(folder: string, options: VectorInputOptions): Promise<VectorPart[]> {
  const pairs = await pairsIn(folder)
  const parts: VectorPart[] = []
  for (const pair of pairs) parts.push(await openPair(pair, options))
  return parts
}

async function pairsIn(folder: string): Promise<TensorPair[]> {
  const names = await readdir(folder)
  const pairs: { tensors: string; metadata: string | undefined }[] = []
  if (names.includes(CONFIG)) {
    for (const [, fields = ''] of (await readFile(join(folder, CONFIG), 'utf8')).matchAll(EMBEDDING)) {
      const field = (name: string) => new RegExp(`${name}\\s*:\\s*"([^"]*)"`).exec(fields)?.[1]
      const tensors = field('tensor_path')
      if (tensors !== undefined) pairs.push({ tensors, metadata: field('metadata_path') })
    }
  } else
    for (const name of names.sort(compareNames)) {
      const rest = TENSOR_FILE.exec(name)?.[1]
      if (rest !== undefined) pairs.push({ tensors: name, metadata: `metadata${rest}` })
    }
  return Promise.all(pairs.map(pair => inside(folder, pair)))
}

async function inside(
  folder: string,
  { tensors, metadata }: { tensors: string; metadata: string | undefined },
): Promise<TensorPair> {
  const place = async (name: string): Promise<string> => {
    if (isAbsolute(name) || normalize(name).startsWith('..'))
      throw new AppError('INPUT_INVALID', `${join(folder, CONFIG)}: expected files in this folder, found ${name}.`)
    const path = join(folder, name)
    await access(path).catch(cause => {
      throw new AppError('INPUT_INVALID', `${folder}: expected ${name} with the ids of the vectors, found none.`, {
        cause,
      })
    })
    return path
  }
  if (metadata === undefined)
    throw new AppError(
      'INPUT_INVALID',
      `${join(folder, tensors)}: expected a file of metadata with the ids of its rows (metadata_path), found none.`,
    )
  return { tensors: await place(tensors), metadata: await place(metadata) }
}

async function openPair({ tensors, metadata }: TensorPair, options: VectorInputOptions): Promise<VectorPart> {
  const header = await headerOf(metadata)
  const names = header === null ? [] : recordColumns(metadata, header, options.idColumn)
  const [rows, lines] = [await countLines(tensors), await countLines(metadata)]
  const known = header === null ? lines : lines - 1
  if (rows !== known)
    throw new AppError(
      'INPUT_INVALID',
      `${metadata}: expected ${rows} lines of metadata, one per line of ${tensors}, found ${known}.`,
    )
  return {
    ...{ files: [tensors, metadata], rows, dimension: null },
    leftOut: header === null ? [] : leftOutColumns(header, names),
    read: () => readPair(tensors, metadata, header, names),
  }
}

/** @param header null: the only column has none, and holds the ids */
async function* readPair(
  tensors: string,
  metadata: string,
  header: readonly string[] | null,
  names: readonly string[],
): AsyncGenerator<VectorRow> {
  const described = readLines(filePart(metadata).bytes())
  try {
    if (header !== null) await described.next()
    for await (const line of readLines(filePart(tensors).bytes())) {
      const { value } = await described.next()
      yield { line: line.number, part: tensors, ...rowOf(line, value || line, header, names) }
    }
  } finally {
    await described.return(undefined)
  }
}

function rowOf(
  numbers: Line,
  described: Line,
  header: readonly string[] | null,
  names: readonly string[],
): { vector: number[] | null; id?: string; record: Record<string, unknown> } | { problem: RowProblem } {
  const damage = numbers.damage ?? described.damage
  if (damage) return { problem: { code: damage, found: excerpt(described.text) } }
  const read = vectorOfTexts(numbers.text.split('\t'))
  if ('problem' in read) return read
  if (header === null) return { vector: read.vector, id: described.text, record: {} }
  const fields = described.text.split('\t')
  const problem = problemOfCount(fields, header.length)
  if (problem) return { problem }
  return { vector: read.vector, record: Object.fromEntries(names.map(name => [name, fields[header.indexOf(name)]])) }
}

/** @returns null: one column, which has no header, as the projector reads it */
async function headerOf(path: string): Promise<string[] | null> {
  for await (const { text } of readLines(filePart(path).bytes())) return text.includes('\t') ? text.split('\t') : null
  return null
}

async function countLines(path: string): Promise<number> {
  let lines = 0
  let last = LF
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, at + 1)) lines++
    last = chunk.at(-1)!
  }
  return last === LF ? lines : lines + 1
}
