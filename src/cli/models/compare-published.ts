import { AppError } from '../../domain/errors.js'
import { modelKey } from '../../domain/model.js'
import { formatQuantity } from '../../domain/text/format.js'
import { type ComparisonFiles, compareWithPublishedVectors } from '../../models/check/compare-published.js'
import type { Comparison } from '../../models/check/comparison.js'
import type { KnownFigure } from '../../models/check/known-answers.js'
import type { Context } from '../context.js'
import { readLabelSet } from '../options/label-files.js'
import { table } from '../print/output.js'
import { Progress } from '../print/progress.js'
import { readLabelTable } from './label-table.js'
import { openEncoder } from './model-files.js'

export interface CompareOptions extends ComparisonFiles {
  /** CSV with a column photo_id and a column per label set. */
  labels?: string
}

/** The `models compare` command with published vectors. @throws AppError COMPARISON_FAILED when a figure is below its bar */
export async function compareWithPublished(context: Context, options: CompareOptions): Promise<number> {
  const { app, out, signal } = context
  const { spec } = app.models
  const key = modelKey(spec)
  const { labels } = options
  const { preprocess } = await import('../../images/decode.js')
  const { MAX_IMAGE_PIXELS: maxPixels, JPEG_DECODER: jpegDecoder } = app.config
  const progress = new Progress(key)
  const { photos, texts, known, ...comparison } = await compareWithPublishedVectors(options, {
    dimension: spec.dimension,
    openEncoder: towers => openEncoder(context, key, towers),
    preprocess: (image, input) => preprocess(image, { input, maxPixels, jpegDecoder }),
    readLabelTable: labels === undefined ? undefined : () => readLabelTable(labels, app.labelFolders),
    labelSet: name => readLabelSet(name, app.labelFolders),
    onProgress: (done, total) => progress.update({ total, done, failed: 0 }),
    signal,
  }).finally(() => progress.end())
  const count = `${formatQuantity(photos, 'photo')}${texts === null ? '' : `, ${formatQuantity(texts, 'text')}`}`
  out.result(
    { model: key, photos, ...comparison, known },
    [`${key}: ${count}`, measuresTable(comparison), ...(known.length > 0 ? ['', knownTable(known)] : [])].join('\n'),
  )
  if (!comparison.ok)
    throw new AppError('COMPARISON_FAILED', `${key} does not give the published vectors: ${comparison.diagnosis}.`)
  out.text(`${key} gives the published vectors.`)
  return 0
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
