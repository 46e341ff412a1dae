import { readdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../domain/errors.js'
import { objectPath } from '../../domain/places/object-place.js'
import type { ObjectReader } from '../../domain/ports/object-reader.js'
import type { PlaceRepository } from '../../domain/ports/place-repository.js'
import { parseS3Location } from '../../domain/s3-location.js'
import { looksLikeJsonLines, readJsonLines } from '../dataset/jsonl.js'
import { isParquet, openParquetFile, type ParquetFile, readParquet } from '../dataset/parquet.js'
import { readRecordPhotos, type SourceRecord } from '../dataset/records.js'
import { placesInOrder } from '../dataset/swapped-places.js'
import { describeSkipped, noneSkipped, typeOfFile } from '../places/choose-files.js'
import { identifyFiles } from '../places/identify-files.js'
import { parquetPhotos } from '../places/parquet-photos.js'
import { readBucket } from '../places/read-bucket.js'
import { requireFfmpeg, videoFrames } from '../places/video-frames.js'
import { closeAll, datasetFiles, invalid, textHead } from './dataset-files.js'
import { readImageFolder } from './image-folder-reader.js'
import type { Part } from './part.js'
import { readPhotos } from './photo-table.js'
import type { Source, SourceKind, SourceRow } from './source.js'
import { looksLikeTable, openTables } from './table-reader.js'
import { PHOTOS } from './table-shapes.js'
import { looksLikeUrlList, readUrlList } from './url-list-reader.js'
import { compareNames } from './zip.js'

const EXPECTED =
  "Expected one or more of: the Unsplash dataset's photos.tsv000…, a .csv or .tsv with its columns, one of these as .gz, the dataset's folder or .zip, a .txt with one URL per line, JSON Lines or Parquet with a column url, image files, a folder of them, or s3://bucket/prefix."
const TABLE_EXTENSION = /\.(?:tsv|csv)\d*(?:\.gz)?$/i

export interface InputOptions {
  /** A folder without images is one, too. */
  mayBeEmpty?: boolean
  /** Frames per second of videos; undefined: videos are skipped. */
  videoFps?: number
  /** Reads inputs in buckets; undefined: they are refused. */
  objects?: () => Promise<ObjectReader>
  /** Folder or `s3://bucket/prefix` of the stored copies, which are not photos of an input above it. */
  copies?: string
}

/**
 * Opens an input and detects its kind, by content first and name second.
 * @param paths files or folders of one kind; tables are read as parts of one dataset
 * @throws AppError INPUT_NOT_FOUND, INPUT_INVALID, INPUT_COLUMNS_MISSING, USAGE (no ffmpeg); nothing stays open then
 */
export async function openInput(
  paths: string | readonly string[],
  { mayBeEmpty = false, videoFps, objects, copies }: InputOptions = {},
): Promise<Source> {
  const list = typeof paths === 'string' ? [paths] : paths
  if (list.length === 0) throw new AppError('USAGE', `No input was given. ${EXPECTED}`)
  const closers: (() => void)[] = []
  try {
    const inputs: Input[] = []
    if (videoFps !== undefined) await requireFfmpeg()
    for (const path of list)
      if (/^s3:\/\//i.test(path)) inputs.push(await bucketInput(path, objects, mayBeEmpty))
      else inputs.push(...(await identify(path, closers, { mayBeEmpty, withVideos: videoFps !== undefined })))
    return await sourceOf(list.join(' '), inputs, () => closeAll(closers), { videoFps, copies })
  } catch (error) {
    closeAll(closers)
    throw error
  }
}

type Input =
  | { kind: 'table'; part: Part }
  | { kind: 'url-list'; part: Part }
  | { kind: 'records'; name: string; records: () => AsyncIterable<SourceRecord>; part?: undefined }
  | { kind: 'records'; name: string; images: ParquetFile; part?: undefined }
  | { kind: 'image-folder'; folder: string; isVideo?: boolean; part?: undefined }
  | { kind: 'bucket'; folder: string; objects: ObjectReader; part?: undefined }

async function sourceOf(
  description: string,
  inputs: readonly Input[],
  closeFiles: () => void,
  { videoFps, copies }: Pick<InputOptions, 'videoFps' | 'copies'>,
): Promise<Source> {
  const kind: SourceKind = inputs[0]!.kind
  const other = inputs.find(input => input.kind !== kind)
  if (other)
    throw new AppError('INPUT_INVALID', `Inputs of one kind expected, found ${kind} and ${other.kind}: ${description}.`)
  const parts = inputs.flatMap(input => (input.kind === 'table' ? [input.part] : []))
  const opened = await openTables(parts, PHOTOS)
  const { tables, warnings: swapped } = await placesInOrder(opened.tables)
  const warnings = [...opened.warnings, ...swapped]
  const ofFolders = inputs.flatMap(input => (input.kind === 'image-folder' ? [input] : []))
  const buckets = inputs.flatMap(input => (input.kind === 'bucket' ? [input] : []))
  const tablesOfImages = inputs.flatMap(input => ('images' in input ? [input.images] : []))
  const folders = [...[...ofFolders, ...buckets].map(({ folder }) => folder), ...tablesOfImages.map(({ path }) => path)]
  const skipped = noneSkipped()
  async function* rows(known?: Pick<PlaceRepository, 'unchanged'>): AsyncGenerator<SourceRow> {
    for (const table of tables) yield* readPhotos(table)
    for (const input of inputs)
      if ('images' in input) yield* parquetPhotos(input.images.path, { columns: input.images.columns, known })
      else if (input.kind === 'records') yield* readRecordPhotos(input.name, input.records())
    for (const input of inputs) if (input.kind === 'url-list') yield* readUrlList(input.part)
    Object.assign(skipped, noneSkipped())
    for (const { folder, objects } of buckets) yield* readBucket(folder, { objects, known, skipped, copies })
    for (const { folder } of ofFolders.filter(({ isVideo }) => !isVideo))
      yield* identifyFiles(readImageFolder(folder, skipped, copies), known ?? null)
    if (videoFps === undefined) return
    const videos = skipped.videos.splice(0)
    delete skipped.byType.video
    for (const video of videos.sort()) yield* videoFrames(video, videoFps, { part: video })
    for (const { folder: video, isVideo } of ofFolders)
      if (isVideo) yield* videoFrames(video, videoFps, { part: video })
  }
  return { kind, folders, skipped, description, warnings, rows, close: async () => closeFiles() }
}

interface FolderOptions {
  mayBeEmpty: boolean
  withVideos: boolean
}

async function identify(path: string, closers: (() => void)[], options: FolderOptions): Promise<Input[]> {
  const type = await typeOfFile(path)
  if (type?.isDecoded || (options.withVideos && type?.type === 'video'))
    return [{ kind: 'image-folder', folder: await realpath(path), isVideo: !type.isDecoded }]
  if (await isParquet(path)) return [await parquetInput(path)]
  const { parts, from } = await datasetFiles(path, 'photos', EXPECTED, closers)
  if (from === 'folder' && parts.length === 0) {
    const tables = (await readdir(path)).filter(name => /\.parquet$/i.test(name)).sort(compareNames)
    if (tables.length === 0) return [await imageFolder(path, options)]
    return Promise.all(tables.map(name => parquetInput(join(path, name))))
  }
  const inputs: Input[] = []
  for (const part of parts) inputs.push(await identifyPart(part))
  return inputs
}

async function parquetInput(name: string): Promise<Input> {
  const opened = await openParquetFile(await realpath(name))
  const file = { ...opened, path: opened.hasImages ? opened.path : name }
  if (file.hasImages) return { kind: 'records', name, images: file }
  return { kind: 'records', name, records: () => readParquet(file) }
}

/** @throws AppError INPUT_INVALID, INPUT_NOT_FOUND */
async function bucketInput(path: string, objects: InputOptions['objects'], mayBeEmpty: boolean): Promise<Input> {
  const location = parseS3Location(path)
  if (location === null || objects === undefined)
    throw new AppError('INPUT_INVALID', `s3://bucket or s3://bucket/prefix expected, found ${JSON.stringify(path)}.`)
  const { bucket, prefix } = location
  const folder = prefix === '' ? `s3://${bucket}` : objectPath({ bucket, key: prefix })
  const input: Input = { kind: 'bucket', folder, objects: await objects() }
  if (mayBeEmpty) return input
  const skipped = noneSkipped()
  for await (const _photo of readBucket(folder, { objects: input.objects, skipped })) return input
  throw invalid(folder, `a prefix with ${describeSkipped(skipped) || 'no object'} and no photo`, EXPECTED)
}

async function identifyPart(part: Part): Promise<Input> {
  const head = await textHead(part, EXPECTED)
  if (TABLE_EXTENSION.test(part.name) || looksLikeTable(head, PHOTOS)) return { kind: 'table', part }
  if (looksLikeJsonLines(head)) return { kind: 'records', name: part.name, records: () => readJsonLines(part) }
  if (/\.txt(?:\.gz)?$/i.test(part.name) || looksLikeUrlList(head)) return { kind: 'url-list', part }
  // An archive that can be opened was opened before.
  const isDamaged = /\.(?:zip|parquet)$/i.test(part.name)
  throw invalid(
    part.name,
    isDamaged ? 'a file that does not begin as its name says' : 'a file of another kind',
    EXPECTED,
  )
}

async function imageFolder(folder: string, { mayBeEmpty, withVideos }: FolderOptions): Promise<Input> {
  if (mayBeEmpty) return { kind: 'image-folder', folder: await realpath(folder) }
  const skipped = noneSkipped()
  for await (const row of readImageFolder(folder, skipped))
    if (row.file) return { kind: 'image-folder', folder: await realpath(folder) }
  if (withVideos && skipped.videos.length > 0) return { kind: 'image-folder', folder: await realpath(folder) }
  const types = describeSkipped(skipped)
  const found = types ? `${types} and no photo` : 'neither photos.tsv000 nor image files'
  throw invalid(folder, `a folder with ${found} in it`, EXPECTED)
}
