import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { AppError } from '../domain/errors.js'
import { readImageFolder } from './image-folder-reader.js'
import { decompressed, filePart, headOf, type Part } from './part.js'
import type { Source, SourceKind, SourceRow } from './source.js'
import { looksLikeTable, openTables, readTable } from './table-reader.js'
import { looksLikeUrlList, readUrlList } from './url-list-reader.js'
import { compareNames, openZip } from './zip.js'

const EXPECTED =
  "Expected one or more of: the Unsplash dataset's photos.tsv000…, a .csv or .tsv with its columns, one of these as .gz, the dataset's folder or .zip, a .txt with one URL a line, or a folder of image files."

/** `photos.tsv000`, `photos.csv000` as in releases 1.3.0 and 1.4.0, `photos.tsv`, each perhaps with `.gz`. */
const DATASET_FILE = /^photos\.(?:tsv|csv)\d*(?:\.gz)?$/i
/** In an archive also the tables that were made from the dataset: `photos-5k.csv`. */
const TABLE_FILE = /^photos[-_.\w]*\.(?:tsv|csv)\d*(?:\.gz)?$/i
const TABLE_EXTENSION = /\.(?:tsv|csv)\d*(?:\.gz)?$/i
const ZIP_MAGIC = Buffer.from('PK')
const UTF16_MARKS = [Buffer.from([0xff, 0xfe]), Buffer.from([0xfe, 0xff])]

/**
 * Opens what is to be ingested and finds out what it is, by its content first and its name second.
 * @param paths files or folders of one kind; tables are read as the parts of one dataset
 * @throws AppError INPUT_NOT_FOUND, INPUT_INVALID, INPUT_COLUMNS_MISSING; then nothing stays open
 */
export async function openInput(paths: string | readonly string[]): Promise<Source> {
  const list = typeof paths === 'string' ? [paths] : paths
  if (list.length === 0) throw new AppError('USAGE', `No input was given. ${EXPECTED}`)
  const closers: (() => void)[] = []
  try {
    const inputs: Input[] = []
    for (const path of list) inputs.push(...(await identify(path, closers)))
    return await sourceOf(list.join(' '), inputs, () => closeAll(closers))
  } catch (error) {
    closeAll(closers)
    throw error
  }
}

type Input =
  | { kind: 'table'; part: Part }
  | { kind: 'url-list'; part: Part }
  | { kind: 'image-folder'; folder: string; part?: undefined }

async function sourceOf(description: string, inputs: readonly Input[], closeFiles: () => void): Promise<Source> {
  const kind: SourceKind = inputs[0]!.kind
  const other = inputs.find(input => input.kind !== kind)
  if (other)
    throw new AppError('INPUT_INVALID', `Inputs of one kind expected, found ${kind} and ${other.kind}: ${description}.`)
  const { tables, warnings } = await openTables(inputs.flatMap(input => (input.kind === 'table' ? [input.part] : [])))
  async function* rows(): AsyncGenerator<SourceRow> {
    for (const table of tables) yield* readTable(table)
    for (const input of inputs)
      if (input.kind === 'url-list') yield* readUrlList(input.part)
      else if (input.kind === 'image-folder') yield* readImageFolder(input.folder)
  }
  return { kind, description, warnings, rows, close: async () => closeFiles() }
}

async function identify(path: string, closers: (() => void)[]): Promise<Input[]> {
  const stats = await stat(path).catch(error => {
    throw new AppError('INPUT_NOT_FOUND', `${path} cannot be found. ${EXPECTED}`, { cause: error })
  })
  if (stats.isDirectory()) return identifyFolder(path)
  if (stats.isFile()) {
    const head = await headOf(filePart(path))
    if (head.subarray(0, 2).equals(ZIP_MAGIC)) return identifyZip(path, closers)
  }
  return [await identifyPart(await decompressed(filePart(path)))]
}

async function identifyPart(part: Part): Promise<Input> {
  const head = await headOf(part)
  if (head.length === 0 && !isContinuation(part.name)) throw invalid(part.name, 'an empty file')
  if (UTF16_MARKS.some(mark => head.subarray(0, 2).equals(mark)))
    throw new AppError('INPUT_INVALID', `${part.name}: UTF-8 expected, found UTF-16. Save it as UTF-8.`)
  if (TABLE_EXTENSION.test(part.name) || looksLikeTable(head)) return { kind: 'table', part }
  if (/\.txt(?:\.gz)?$/i.test(part.name) || looksLikeUrlList(head)) return { kind: 'url-list', part }
  throw invalid(part.name, 'a file that is none of them')
}

/** A later part of a dataset may be empty. */
function isContinuation(name: string): boolean {
  return /(?:tsv|csv)\d*[1-9]\d*(?:\.gz)?$/i.test(name)
}

async function identifyFolder(folder: string): Promise<Input[]> {
  const names = await readdir(folder).catch(error => {
    throw new AppError('INPUT_NOT_FOUND', `${folder} cannot be read: ${error.message}`, { cause: error })
  })
  const files = oneFormat(names.filter(name => DATASET_FILE.test(name)).sort(compareNames))
  const inputs: Input[] = []
  for (const name of files) inputs.push(await identifyPart(await decompressed(filePart(join(folder, name)))))
  if (inputs.length > 0) return inputs
  for await (const row of readImageFolder(folder)) if (row.photo) return [{ kind: 'image-folder', folder }]
  throw invalid(folder, 'a folder with neither photos.tsv000 nor image files in it')
}

async function identifyZip(path: string, closers: (() => void)[]): Promise<Input[]> {
  const zip = await openZip(path, name => TABLE_FILE.test(basename(name)))
  closers.push(zip.close)
  if (zip.parts.length === 0) throw invalid(path, `an archive without photos.tsv000, with ${zip.entryNames.join(', ')}`)
  const dataset = oneFormat(zip.parts.filter(part => DATASET_FILE.test(basename(part.name))))
  const inputs: Input[] = []
  for (const part of dataset.length > 0 ? dataset : zip.parts) inputs.push(await identifyPart(await decompressed(part)))
  return inputs
}

/** Where the same photos lie there twice, as photos.tsv000 and as photos.csv000, one of the two is enough. */
function oneFormat<T extends string | Part>(files: readonly T[]): readonly T[] {
  const tsv = files.filter(file => /\.tsv\d*(?:\.gz)?$/i.test(typeof file === 'string' ? file : file.name))
  return tsv.length > 0 ? tsv : files
}

function invalid(path: string, found: string): AppError {
  return new AppError('INPUT_INVALID', `${path} is ${found}. ${EXPECTED}`)
}

function closeAll(closers: (() => void)[]): void {
  for (const close of closers.splice(0).reverse()) close()
}
