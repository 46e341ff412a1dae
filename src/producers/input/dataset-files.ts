import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { AppError } from '../../domain/errors.js'
import { checkArchiveDigest } from '../dataset/archive-digests.js'
import { decompressed, filePart, headOf, type Part } from './part.js'
import { compareNames, openZip } from './zip.js'

const ZIP_MAGIC = Buffer.from('PK')
const UTF16_MARKS = [Buffer.from([0xff, 0xfe]), Buffer.from([0xfe, 0xff])]

/** The contents of an input: one file, or the files of a folder or archive that belong to one table of the dataset. */
export interface DatasetFiles {
  readonly parts: readonly Part[]
  readonly from: 'file' | 'folder' | 'archive'
}

/**
 * Finds the files of a table, ordered by name.
 * @param table `photos`, for instance, lies in `photos.tsv000` …, in releases 1.3.0 and 1.4.0 in `photos.csv000` …,
 * possibly with `.gz`
 * @param expected description of valid inputs, for messages
 * @param closers receives the closer of an opened archive
 * @returns no parts for a folder without any
 * @throws AppError INPUT_NOT_FOUND, INPUT_INVALID
 */
export async function datasetFiles(
  path: string,
  table: string,
  expected: string,
  closers: (() => void)[],
): Promise<DatasetFiles> {
  const stats = await stat(path).catch(error => {
    throw new AppError('INPUT_NOT_FOUND', `${path} cannot be found. ${expected}`, { cause: error })
  })
  const isOfDataset = (name: string) => new RegExp(`^${table}\\.(?:tsv|csv)\\d*(?:\\.gz)?$`, 'i').test(basename(name))
  if (stats.isDirectory()) return { parts: await folderParts(path, isOfDataset), from: 'folder' }
  if (stats.isFile()) {
    const head = await headOf(filePart(path))
    if (head.subarray(0, 2).equals(ZIP_MAGIC)) {
      await checkArchiveDigest(path)
      // Archives may also hold tables derived from the dataset: `photos-5k.csv`.
      const madeFrom = new RegExp(`^${table}[-_.\\w]*\\.(?:tsv|csv)\\d*(?:\\.gz)?$`, 'i')
      const zip = await openZip(path, name => madeFrom.test(basename(name)))
      closers.push(zip.close)
      if (zip.parts.length === 0)
        throw invalid(path, `an archive without ${table}.tsv000, with ${zip.entryNames.join(', ')}`, expected)
      const dataset = oneFormat(
        zip.parts.filter(part => isOfDataset(part.name)),
        part => part.name,
      )
      const parts = dataset.length > 0 ? dataset : zip.parts
      return { parts: await Promise.all(parts.map(decompressed)), from: 'archive' }
    }
  }
  return { parts: [await decompressed(filePart(path))], from: 'file' }
}

async function folderParts(folder: string, isOfDataset: (name: string) => boolean): Promise<Part[]> {
  const names = await readdir(folder).catch(error => {
    throw new AppError('INPUT_NOT_FOUND', `${folder} cannot be read: ${error.message}`, { cause: error })
  })
  const files = oneFormat(names.filter(isOfDataset).sort(compareNames), name => name)
  return Promise.all(files.map(name => decompressed(filePart(join(folder, name)))))
}

/** If photos.tsv000 and photos.csv000 hold the same rows, uses one of them. */
function oneFormat<T>(files: readonly T[], nameOf: (file: T) => string): readonly T[] {
  const tsv = files.filter(file => /\.tsv\d*(?:\.gz)?$/i.test(nameOf(file)))
  return tsv.length > 0 ? tsv : files
}

/**
 * First bytes of a text file. @throws AppError INPUT_INVALID for UTF-16, and for an empty file that continues no
 * other
 */
export async function textHead(part: Part, expected: string): Promise<Buffer> {
  const head = await headOf(part)
  if (head.length === 0 && !isContinuation(part.name)) throw invalid(part.name, 'an empty file', expected)
  if (UTF16_MARKS.some(mark => head.subarray(0, 2).equals(mark)))
    throw new AppError('INPUT_INVALID', `${part.name}: UTF-8 expected, found UTF-16. Save it as UTF-8.`)
  return head
}

/** A later part of a dataset may be empty. */
function isContinuation(name: string): boolean {
  return /(?:tsv|csv)\d*[1-9]\d*(?:\.gz)?$/i.test(name)
}

export function invalid(path: string, found: string, expected: string): AppError {
  return new AppError('INPUT_INVALID', `${path} is ${found}. ${expected}`)
}

export function closeAll(closers: (() => void)[]): void {
  for (const close of closers.splice(0).reverse()) close()
}
