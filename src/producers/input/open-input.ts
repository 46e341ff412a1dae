import { AppError } from '../../domain/errors.js'
import { closeAll, datasetFiles, invalid, textHead } from './dataset-files.js'
import { readImageFolder } from './image-folder-reader.js'
import type { Part } from './part.js'
import { readPhotos } from './photo-table.js'
import type { Source, SourceKind, SourceRow } from './source.js'
import { looksLikeTable, openTables } from './table-reader.js'
import { PHOTOS } from './table-shapes.js'
import { looksLikeUrlList, readUrlList } from './url-list-reader.js'

const EXPECTED =
  "Expected one or more of: the Unsplash dataset's photos.tsv000…, a .csv or .tsv with its columns, one of these as .gz, the dataset's folder or .zip, a .txt with one URL a line, or a folder of image files."
const TABLE_EXTENSION = /\.(?:tsv|csv)\d*(?:\.gz)?$/i

/**
 * Opens an input and detects its kind, by content first and name second.
 * @param paths files or folders of one kind; tables are read as parts of one dataset
 * @throws AppError INPUT_NOT_FOUND, INPUT_INVALID, INPUT_COLUMNS_MISSING; nothing stays open then
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
  const parts = inputs.flatMap(input => (input.kind === 'table' ? [input.part] : []))
  const { tables, warnings } = await openTables(parts, PHOTOS)
  async function* rows(): AsyncGenerator<SourceRow> {
    for (const table of tables) yield* readPhotos(table)
    for (const input of inputs)
      if (input.kind === 'url-list') yield* readUrlList(input.part)
      else if (input.kind === 'image-folder') yield* readImageFolder(input.folder)
  }
  return { kind, description, warnings, rows, close: async () => closeFiles() }
}

async function identify(path: string, closers: (() => void)[]): Promise<Input[]> {
  const { parts, from } = await datasetFiles(path, 'photos', EXPECTED, closers)
  if (from === 'folder' && parts.length === 0) return [await imageFolder(path)]
  const inputs: Input[] = []
  for (const part of parts) inputs.push(await identifyPart(part))
  return inputs
}

async function identifyPart(part: Part): Promise<Input> {
  const head = await textHead(part, EXPECTED)
  if (TABLE_EXTENSION.test(part.name) || looksLikeTable(head, PHOTOS)) return { kind: 'table', part }
  if (/\.txt(?:\.gz)?$/i.test(part.name) || looksLikeUrlList(head)) return { kind: 'url-list', part }
  throw invalid(part.name, 'a file that is none of them', EXPECTED)
}

async function imageFolder(folder: string): Promise<Input> {
  for await (const row of readImageFolder(folder)) if (row.photo) return { kind: 'image-folder', folder }
  throw invalid(folder, 'a folder with neither photos.tsv000 nor image files in it', EXPECTED)
}
