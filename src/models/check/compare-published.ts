import { readdir, readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join, parse } from 'node:path'
import pLimit from 'p-limit'
import { AppError, PhotoError } from '../../domain/errors.js'
import type { ImageInput } from '../../domain/image-input.js'
import { type LabelSet, promptsOf } from '../../domain/labels.js'
import type { Encoder } from '../../domain/ports/encoder.js'
import { normalise } from '../../domain/similarity.js'
import { type Comparison, compareVectors, type Pair, type PublishedLabels } from './comparison.js'
import { askKnownAnswers, type KnownFigure, parseKnownAnswers } from './known-answers.js'
import { readMatrix } from './npy.js'

/** Photos and published vectors of them. */
export interface ComparisonFiles {
  /** Folder with the photos, `<id>.jpg` or another image format. */
  images: string
  /** .npy: one published embedding per row. */
  vectors: string
  /** One photo id per line, one line per row of `vectors`. */
  ids: string
  /** .npy: one published embedding per text. */
  textVectors?: string
  /** One text per line, one line per row of `textVectors`. */
  prompts?: string
  /** JSON with single known figures, see `parseKnownAnswers`. */
  known?: string
  /** Compare only the first `limit` photos and texts. */
  limit?: number
}

/** A label set with the published label of each photo, by photo id. */
export interface LabelTable {
  set: LabelSet
  labelOf: ReadonlyMap<string, string>
}

export interface CompareDeps {
  /** Length of the model's embeddings. */
  dimension: number
  /** Opens the encoder. Called after all files were checked. */
  openEncoder: (towers: 'image' | 'both') => Promise<Encoder>
  /** @returns RGB, [input.size, input.size, 3] @throws PhotoError */
  preprocess: (image: Buffer, input: ImageInput) => Promise<Uint8Array>
  readLabelTable?: () => Promise<LabelTable[]>
  /** Finds a label set by its name. */
  labelSet: (name: string) => LabelSet
  onProgress: (embedded: number, photos: number) => void
  signal: AbortSignal
}

export interface ModelComparison extends Comparison {
  /** Number of photos compared. */
  photos: number
  /** Number of texts compared; null without texts. */
  texts: number | null
  known: KnownFigure[]
}

/** Photos that are decoded while the previous ones are embedded. */
const BATCH = 64

/**
 * Embeds photos with the model and compares the result with published vectors.
 * @throws AppError INPUT_NOT_FOUND, INPUT_INVALID for a wrong input
 */
export async function compareWithPublishedVectors(files: ComparisonFiles, deps: CompareDeps): Promise<ModelComparison> {
  const { dimension } = deps
  const limit = files.limit ?? Number.POSITIVE_INFINITY
  const published = await publishedRows(files.vectors, files.ids, dimension, limit)
  const texts =
    files.textVectors && files.prompts
      ? await publishedRows(files.textVectors, files.prompts, dimension, limit)
      : undefined
  const paths = await findPhotos(files.images, [...published.keys()])
  const tables = (await deps.readLabelTable?.()) ?? []
  const answers = files.known ? parseKnownAnswers((await readInput(files.known)).toString('utf8'), files.known) : []

  const needsTexts = texts !== undefined || tables.length > 0 || answers.length > 0
  const encoder = await deps.openEncoder(needsTexts ? 'both' : 'image')
  const photos: Pair = { ours: await embedPhotos(paths, encoder, deps), published: [...published.values()] }
  const queries = texts && { ours: await encoder.encodeTexts([...texts.keys()]), published: [...texts.values()] }
  const labels: PublishedLabels[] = []
  for (const { set, labelOf } of tables)
    labels.push({
      name: set.name,
      labels: set.labels,
      prompts: await encoder.encodeTexts(promptsOf(set)),
      expected: [...published.keys()].map(id => labelOf.get(id)),
    })

  const ours = new Map([...published.keys()].map((id, i) => [id, photos.ours[i]!]))
  const known = await askKnownAnswers(answers, ours, encoder, deps.labelSet)
  const comparison = compareVectors({ photos, queries, labels, known }, encoder.model)
  return { photos: photos.ours.length, texts: queries?.ours.length ?? null, ...comparison, known }
}

/** The vectors by name, scaled to unit length. */
async function publishedRows(
  vectorsFile: string,
  namesFile: string,
  dimension: number,
  limit: number,
): Promise<Map<string, Float32Array>> {
  const rows = await readMatrix(vectorsFile)
  const names = (await readInput(namesFile))
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .split(/\r\n|[\r\n]/)
    .filter(line => line !== '')
  if (rows.length !== names.length)
    throw new AppError(
      'INPUT_INVALID',
      `Expected a line of ${namesFile} for each row of ${vectorsFile}, found ${names.length} lines and ${rows.length} rows.`,
    )
  if (rows.length === 0) throw new AppError('INPUT_INVALID', `Expected vectors in ${vectorsFile}, found none.`)
  if (rows[0]!.length !== dimension)
    throw new AppError(
      'INPUT_INVALID',
      `Expected vectors of ${dimension} numbers, as the model gives them, found ${rows[0]!.length} in ${vectorsFile}. Name the model that made them.`,
    )
  const named = new Map<string, Float32Array>()
  for (const [i, name] of names.entries()) {
    if (named.has(name)) throw new AppError('INPUT_INVALID', `${namesFile}: ${JSON.stringify(name)} appears twice.`)
    if (named.size < limit) named.set(name, unitRow(rows[i]!, i, vectorsFile))
  }
  return named
}

function unitRow(row: Float32Array, index: number, file: string): Float32Array {
  try {
    return normalise(row)
  } catch (cause) {
    throw new AppError('INPUT_INVALID', `${file}: row ${index} is zero or not finite.`, { cause })
  }
}

/** Paths of the photos, in the order of their ids. */
async function findPhotos(folder: string, ids: readonly string[]): Promise<string[]> {
  const entries = await readdir(folder).catch(cause => {
    throw new AppError('INPUT_NOT_FOUND', `--photos expects a folder, found ${cause.code} at ${folder}.`, { cause })
  })
  const paths = new Map(entries.map(entry => [parse(entry).name, join(folder, entry)]))
  const missing = ids.filter(id => !paths.has(id))
  if (missing.length > 0)
    throw new AppError(
      'INPUT_NOT_FOUND',
      `Expected a file <id>.jpg in ${folder} for each of ${ids.length} ids, found none for ${missing.length}: ${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ', …' : ''}. Are these the ids of these photos?`,
    )
  return ids.map(id => paths.get(id)!)
}

async function embedPhotos(
  files: readonly string[],
  encoder: Encoder,
  { preprocess, onProgress, signal }: CompareDeps,
): Promise<Float32Array[]> {
  const pixelsOf = async (file: string) => {
    try {
      return await preprocess(await readInput(file), encoder.input)
    } catch (error) {
      if (!(error instanceof PhotoError)) throw error
      throw new AppError('INPUT_INVALID', `${file}: ${error.code}: ${error.message}`, { cause: error })
    }
  }
  const parallel = pLimit(availableParallelism())
  const decode = (first: number) =>
    Promise.all(files.slice(first, first + BATCH).map(file => parallel(() => pixelsOf(file))))
  const embeddings: Float32Array[] = []
  let next = decode(0)
  for (let first = 0; first < files.length; first += BATCH) {
    signal.throwIfAborted()
    const pixels = await next
    next = decode(first + BATCH)
    // The next round awaits it; until then a failure must not count as unhandled.
    next.catch(() => undefined)
    embeddings.push(...(await encoder.encodeImages(pixels)))
    onProgress(embeddings.length, files.length)
  }
  return embeddings
}

function readInput(file: string): Promise<Buffer> {
  return readFile(file).catch(cause => {
    throw new AppError('INPUT_NOT_FOUND', `Expected a file at ${file}, found ${cause.code ?? cause.message}.`, {
      cause,
    })
  })
}
