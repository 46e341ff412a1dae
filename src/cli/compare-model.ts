import { readdir, readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { basename, join, parse } from 'node:path'
import pLimit from 'p-limit'
import { AppError, PhotoError } from '../domain/errors.js'
import { promptsOf } from '../domain/labels.js'
import { modelKey } from '../domain/model.js'
import type { Encoder } from '../domain/ports/encoder.js'
import { normalise } from '../domain/similarity.js'
import { type Comparison, compareVectors, type Pair, type PublishedLabels } from '../models/comparison.js'
import { RecordSplitter } from '../producers/record-splitter.js'
import type { Context } from './context.js'
import { askKnownAnswers, type KnownFigure, parseKnownAnswers } from './known-answers.js'
import { listLabelSetNames, readLabelSet } from './label-files.js'
import { openEncoder } from './model-files.js'
import { readMatrix } from './npy.js'
import { formatCount, table } from './output.js'
import { Progress } from './progress.js'

export interface CompareOptions {
  /** Folder with the photos, `<id>.jpg` or another image format. */
  images: string
  /** .npy: one published embedding a row. */
  vectors: string
  /** One photo id a line, a line a row. */
  ids: string
  /** CSV with a column photo_id and one named as a label set. */
  labels?: string
  /** .npy: one published embedding a text. */
  textVectors?: string
  /** One text a line, a line a row of `textVectors`. */
  prompts?: string
  /** JSON: single figures that are known, see `parseKnownAnswers`. */
  known?: string
  /** Compare so many of the photos, and of the texts. */
  limit?: number
}

/** Photos that are decoded while those before them are embedded. */
const BATCH = 64

/**
 * Embeds photos with the model and holds the result against published vectors of them; prints the figures.
 * @throws AppError COMPARISON_FAILED when a figure is below its bar; INPUT_NOT_FOUND, INPUT_INVALID for a wrong input
 */
export async function compareModel(context: Context, options: CompareOptions): Promise<void> {
  const { app, out } = context
  const key = modelKey(app.modelSpec)
  const limit = options.limit ?? Number.POSITIVE_INFINITY
  const published = await publishedRows(options.vectors, options.ids, app.modelSpec.dimension, limit)
  const texts =
    options.textVectors && options.prompts
      ? await publishedRows(options.textVectors, options.prompts, app.modelSpec.dimension, limit)
      : undefined
  const files = await findPhotos(options.images, [...published.keys()])
  const expected = options.labels ? await publishedLabels(options.labels, context) : []

  const answers = options.known
    ? parseKnownAnswers((await readInput(options.known)).toString('utf8'), options.known)
    : []

  const needsTexts = texts !== undefined || expected.length > 0 || answers.length > 0
  const encoder = await openEncoder(context, needsTexts ? 'both' : 'image')
  const photos: Pair = { ours: await embedPhotos(files, encoder, context), published: [...published.values()] }
  const queries = texts && { ours: await encoder.encodeTexts([...texts.keys()]), published: [...texts.values()] }
  const labels: PublishedLabels[] = []
  for (const { set, labelOf } of expected)
    labels.push({
      name: set.name,
      labels: set.labels,
      prompts: await encoder.encodeTexts(promptsOf(set)),
      expected: [...published.keys()].map(id => labelOf.get(id)),
    })

  const ours = new Map([...published.keys()].map((id, i) => [id, photos.ours[i]!]))
  const known = await askKnownAnswers(answers, ours, encoder, app.labelFolders)

  const comparison = compareVectors({ photos, queries, labels, known }, encoder.model)
  const count = `${formatCount(photos.ours.length)} photos${queries ? `, ${formatCount(queries.ours.length)} texts` : ''}`
  out.result(
    { model: key, photos: photos.ours.length, ...comparison, known },
    [`${key}: ${count}`, measuresTable(comparison), ...(known.length > 0 ? ['', knownTable(known)] : [])].join('\n'),
  )
  if (!comparison.ok)
    throw new AppError('COMPARISON_FAILED', `${key} does not give the published vectors: ${comparison.diagnosis}.`)
  out.text(`${key} gives the published vectors.`)
}

function measuresTable({ measures }: Comparison): string {
  const rows = measures.map(({ measure, found, bar, ok }) => [
    measure,
    found.toFixed(4),
    bar === undefined ? '' : String(bar),
    bar === undefined ? '' : ok ? 'ok' : 'TOO LOW',
  ])
  return table(['measure', 'found', 'at least', ''], rows)
}

function knownTable(known: readonly KnownFigure[]): string {
  const rows = known.map(({ question, expected, found, ok }) => [
    question,
    found.toFixed(3),
    String(expected),
    ok ? 'ok' : 'OTHER',
  ])
  return table(['known answer', 'found', 'expected', ''], rows)
}

/** Name of each row to its vector, scaled to unit length. */
async function publishedRows(
  vectorsFile: string,
  namesFile: string,
  dimension: number,
  limit: number,
): Promise<Map<string, Float32Array>> {
  const rows = await readMatrix(vectorsFile)
  const names = (await readInput(namesFile))
    .toString('utf8')
    .split(/\r?\n/)
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
    if (named.has(name)) throw new AppError('INPUT_INVALID', `${namesFile}: ${JSON.stringify(name)} is there twice.`)
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
    throw new AppError('INPUT_NOT_FOUND', `--images expects a folder, found ${cause.code} at ${folder}.`, { cause })
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
  { app, signal }: Context,
): Promise<Float32Array[]> {
  const { preprocess } = await import('../workers/preprocess.js')
  const options = { input: encoder.input, maxPixels: app.config.MAX_IMAGE_PIXELS }
  const pixelsOf = async (file: string) => {
    try {
      return await preprocess(await readInput(file), options)
    } catch (error) {
      if (!(error instanceof PhotoError)) throw error
      throw new AppError('INPUT_INVALID', `${file}: ${error.code}: ${error.message}`, { cause: error })
    }
  }
  const progress = new Progress(modelKey(encoder.model))
  const besides = pLimit(availableParallelism())
  const decode = (first: number) =>
    Promise.all(files.slice(first, first + BATCH).map(file => besides(() => pixelsOf(file))))
  const embeddings: Float32Array[] = []
  try {
    let next = decode(0)
    for (let first = 0; first < files.length; first += BATCH) {
      signal.throwIfAborted()
      const pixels = await next
      next = decode(first + BATCH)
      // Awaited in the next round; until then a failure must not count as unhandled.
      next.catch(() => undefined)
      embeddings.push(...(await encoder.encodeImages(pixels)))
      progress.update({ total: files.length, done: embeddings.length, failed: 0 })
    }
  } finally {
    progress.end()
  }
  return embeddings
}

/** The label sets of which the table has a column, with the label of each photo. */
async function publishedLabels(file: string, { app }: Context) {
  const splitter = new RecordSplitter(',')
  const records = [...splitter.push(await readInput(file)), ...splitter.end()].filter(({ problem }) => !problem)
  const [header = [], ...rows] = records.map(({ fields }) => fields)
  const idColumn = header.indexOf('photo_id')
  const names = listLabelSetNames(app.labelFolders)
  const sets = names.filter(name => header.includes(name)).map(name => readLabelSet(name, app.labelFolders))
  if (idColumn < 0 || sets.length === 0)
    throw new AppError(
      'INPUT_COLUMNS_MISSING',
      `${basename(file)}: expected a column photo_id and one of ${names.join(', ')}, found ${header.join(', ') || 'nothing'}.`,
    )
  return sets.map(set => {
    const column = header.indexOf(set.name)
    const labelled = rows.filter(row => set.labels.includes(row[column]!))
    return { set, labelOf: new Map(labelled.map(row => [row[idColumn]!, row[column]!])) }
  })
}

function readInput(file: string): Promise<Buffer> {
  return readFile(file).catch(cause => {
    throw new AppError('INPUT_NOT_FOUND', `Expected a file at ${file}, found ${cause.code ?? cause.message}.`, {
      cause,
    })
  })
}
