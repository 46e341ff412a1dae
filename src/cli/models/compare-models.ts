import { stat } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { AppError } from '../../domain/errors.js'
import { EVERYDAY_PROMPTS } from '../../domain/indexes/everyday-prompts.js'
import { promptsOf } from '../../domain/labels.js'
import { modelKey } from '../../domain/model.js'
import type { Encoder } from '../../domain/ports/encoder.js'
import { summariseRewrites } from '../../domain/rewrite.js'
import { formatCount, formatQuantity } from '../../domain/text/format.js'
import { type Agreement, agreementOf, type Embedded } from '../../models/check/agreement.js'
import { embedInTurns, type FailedFile } from '../../models/check/embed-in-turns.js'
import { meaningOf } from '../../models/check/meaning.js'
import { readImageFolder } from '../../producers/input/image-folder-reader.js'
import { readImageFile } from '../../workers/stages/read-file.js'
import type { Context } from '../context.js'
import { listLabelSetNames, readLabelSet } from '../options/label-files.js'
import { readLineFile } from '../options/line-file.js'
import { table } from '../print/output.js'
import { Progress } from '../print/progress.js'
import { openEncoder } from './model-files.js'

export interface CompareModelsOptions {
  /** Folder with images, subfolders included. */
  photos: string
  /** File with one text per line; default: the everyday prompts. */
  prompts?: string
  /** Compare only the first photos, by path. */
  limit?: number
}

interface ComparedModel {
  readonly model: string
  readonly dimension: number
  readonly hasTexts: boolean
  readonly imagesPerSecond: number | null
  /** By file. */
  readonly rewrites: Record<string, string[]>
}

/**
 * The `models compare` command with two models: embeds photos with both, and compares what a search would find.
 * @throws AppError INPUT_NOT_FOUND, INPUT_INVALID without a usable photo, MODEL_UNKNOWN
 */
export async function compareModels(
  context: Context,
  names: readonly [string, string],
  options: CompareModelsOptions,
): Promise<number> {
  const { app, out, signal } = context
  const keys = names.map(name => modelKey(app.models.resolve(name)))
  if (keys[0] === keys[1])
    throw new AppError('USAGE', `models compare expects two different models, found ${keys[0]} twice.`)
  const folder = resolve(options.photos)
  const { files, failed: unreadable } = await findImages(folder, options.limit ?? Number.POSITIVE_INFINITY)
  const texts = options.prompts === undefined ? EVERYDAY_PROMPTS : await readPrompts(options.prompts)
  const sets = listLabelSetNames(app.labelFolders).map(name => readLabelSet(name, app.labelFolders))

  const encoders: Encoder[] = []
  for (const key of keys) encoders.push(await openEncoder(context, key, 'both'))
  const { preprocess } = await import('../../images/decode.js')
  const { MAX_IMAGE_PIXELS: maxPixels, MAX_IMAGE_BYTES: maxBytes, JPEG_DECODER: jpegDecoder } = app.config
  const progress = new Progress(keys.join(', '))
  const { embeddings, imagesPerSecond, failed } = await embedInTurns(files, encoders, {
    read: file => readImageFile(pathToFileURL(file).href, { folders: ['/'], maxBytes }, signal),
    preprocess: (image, input) => preprocess(image, { input, maxPixels, jpegDecoder }),
    onProgress: (done, failed) => progress.update({ total: files.length, done, failed }),
    signal,
  }).finally(() => progress.end())
  const named = failed.map(one => ({ ...one, file: relative(folder, one.file) }))
  const allFailed = [...unreadable, ...named]
  if (embeddings[0]!.length === 0) throw withoutPhotos(folder, allFailed)

  const embedded: Embedded[] = []
  for (const [i, encoder] of encoders.entries())
    embedded.push({ photos: embeddings[i]!, ...(await textsOf(encoder, texts, sets.map(promptsOf))) })
  const agreement = agreementOf(embedded[0]!, embedded[1]!, sets)
  const models = encoders.map((encoder, i) => ({
    model: keys[i]!,
    dimension: encoder.model.dimension,
    hasTexts: encoder.hasTexts,
    imagesPerSecond: imagesPerSecond[i]!,
    rewrites: summariseRewrites(encoder.rewrites ?? []),
  }))
  const photos = embeddings[0]!.length
  const meaning = meaningOf(agreement, encoders[0]!.model.name === encoders[1]!.model.name)
  const isWithTexts = encoders.every(({ hasTexts }) => hasTexts)
  out.result(
    { models, photos, failed: allFailed, texts: isWithTexts ? texts.length : null, ...agreement, meaning },
    [
      `${keys.join(' and ')}: ${formatQuantity(photos, 'photo')}${isWithTexts ? `, ${formatQuantity(texts.length, 'text')}` : ''}`,
      ...failures(allFailed),
      '',
      cosineTable(agreement, models),
      '',
      resultTable(agreement, models),
      '',
      modelTable(models),
      ...rewriteLines(models, encoders),
      '',
      meaning,
    ].join('\n'),
  )
  return 0
}

async function findImages(folder: string, limit: number): Promise<{ files: string[]; failed: FailedFile[] }> {
  const isFolder = await stat(folder).then(
    stats => stats.isDirectory(),
    cause => {
      throw new AppError('INPUT_NOT_FOUND', `--photos expects a folder, found ${cause.code} at ${folder}.`, { cause })
    },
  )
  if (!isFolder) throw new AppError('INPUT_INVALID', `--photos expects a folder, found a file at ${folder}.`)
  const files: string[] = []
  const failed: FailedFile[] = []
  for await (const { file, path, problem } of readImageFolder(folder)) {
    if (files.length >= limit) break
    if (file) files.push(file.path)
    // Reading it says why, under its name.
    else if (path && problem?.code === 'UNREADABLE') files.push(path)
    else if (problem) failed.push({ file: folder, code: problem.code, message: problem.found })
  }
  return { files, failed }
}

async function readPrompts(file: string): Promise<string[]> {
  const expected = '--prompts expects a file with one text per line'
  const texts = (await readLineFile(file, expected)).map(line => line.trim()).filter(line => line !== '')
  if (texts.length === 0) throw new AppError('INPUT_INVALID', `${expected}, found none in ${file}.`)
  return [...new Set(texts)]
}

async function textsOf(
  encoder: Encoder,
  texts: readonly string[],
  prompts: readonly (readonly string[])[],
): Promise<Omit<Embedded, 'photos'>> {
  if (!encoder.hasTexts) return {}
  const embedded: Float32Array[][] = []
  for (const some of prompts) embedded.push(await encoder.encodeTexts(some))
  return { texts: await encoder.encodeTexts(texts), prompts: embedded }
}

function withoutPhotos(folder: string, failed: readonly FailedFile[]): AppError {
  const [first] = failed
  const found = first
    ? `${formatQuantity(failed.length, 'image')} that cannot be used, the first: ${first.file}: ${first.code}: ${first.message}`
    : 'none'
  return new AppError(
    'INPUT_INVALID',
    `Expected images (.jpg, .png, .webp, .gif, .avif, .tif) in ${folder}, found ${found}.`,
  )
}

const MOST_FAILURES = 20

function failures(failed: readonly FailedFile[]): string[] {
  if (failed.length === 0) return []
  const more = failed.length - MOST_FAILURES
  return [
    `${formatQuantity(failed.length, 'image')} left out:`,
    ...failed.slice(0, MOST_FAILURES).map(({ file, code, message }) => `  ${file}: ${code}: ${message}`),
    ...(more > 0 ? [`  and ${formatCount(more)} more; --json names all`] : []),
  ]
}

function cosineTable({ cosine }: Agreement, models: readonly ComparedModel[]): string {
  if (cosine === null)
    return `No cosine: the embeddings have ${models.map(({ dimension }) => dimension).join(' and ')} numbers.`
  const rows = Object.entries({ photos: cosine.photos, texts: cosine.texts }).flatMap(([what, figures]) =>
    Object.entries({
      [`${what}: cosine`]: figures?.raw,
      [`${what}: cosine without the mean embedding`]: figures?.centred,
    }).flatMap(([measure, found]) =>
      found ? [[measure, ...[found.median, found.fifthPercentile, found.least].map(value => value.toFixed(5))]] : [],
    ),
  )
  return table(['', 'median', '5th percentile', 'least'], rows)
}

function resultTable({ top10, labels }: Agreement, models: readonly ComparedModel[]): string {
  const wordless = models.filter(({ hasTexts }) => !hasTexts).map(({ model }) => model)
  const why = `not compared: ${wordless.join(' and ')} ${wordless.length > 1 ? 'have' : 'has'} no text tower`
  const share = (value: number | null) => value?.toFixed(3) ?? 'not compared: too few photos'
  const rows = [
    ['photo to photo: ten nearest in common', share(top10.photos)],
    ['text to photo: ten best in common', wordless.length > 0 ? why : share(top10.texts)],
    ...(labels?.map(({ set, changed, share, changes }) => {
      const which = changes.map(({ from, to, photos }) => `${from} → ${to} ${formatCount(photos)}`).join(', ')
      const figures = `${formatCount(changed)} (${(100 * share).toFixed(1)} %)`
      return [`labels of ${set} that change`, which === '' ? figures : `${figures}: ${which}`]
    }) ?? [['labels that change', why]]),
  ]
  return table(['', 'found'], rows)
}

function modelTable(models: readonly ComparedModel[]): string {
  const rows = models.map(({ model, dimension, imagesPerSecond }) => [
    model,
    dimension,
    imagesPerSecond === null ? '–' : Number(imagesPerSecond.toPrecision(3)).toString(),
  ])
  return table(['model', 'dimension', 'images/s here, in turns'], rows)
}

/** Those that apply, and those that could and do not, by file. */
function rewriteLines(models: readonly ComparedModel[], encoders: readonly Encoder[]): string[] {
  return models.map(({ model }, i) => {
    const files = (encoders[i]!.rewrites ?? []).flatMap(({ file, rewrites }) => {
      const wanted = rewrites.filter(({ outcome }) => outcome !== 'not-needed')
      const names = wanted.map(({ name, outcome }) => (outcome === 'applied' ? name : `${name} left out`))
      return names.length > 0 ? [`${file} ${names.join(', ')}`] : []
    })
    return `rewrites of ${model}: ${files.join('; ') || 'none'}`
  })
}
