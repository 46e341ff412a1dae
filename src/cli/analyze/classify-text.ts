import { bestMethod, type MethodReport } from '../../analysis/classify/evaluate.js'
import type { PhotoSamples } from '../../analysis/classify/load-samples.js'
import { classCounts } from '../../analysis/classify/samples.js'
import type { Spread } from '../../analysis/classify/scores.js'
import { formatCount, formatQuantity } from '../../domain/text/format.js'
import { shorten, table } from '../print/output.js'
import type { Classification } from './classification.js'

/** Widest name of a class in a table of 80 columns. */
const WIDEST = 16
/** Classes of a matrix that fits 80 columns. */
const MOST_SHOWN = 7

const decimals = (value: number): string => value.toFixed(3)
const spread = ({ mean, deviation }: Spread): string => `${decimals(mean)} ± ${decimals(deviation)}`

/** Formats a classification for people, 80 columns wide. */
export function classificationText(found: Classification): string {
  const { samples, evaluation, options } = found
  const { train, test } = evaluation.split
  return [
    introduction(found),
    ...leftOutLines(found),
    `Trained with ${formatQuantity(train.length, 'photo')}, tested on ${formatCount(test.length)}. Seed ${options.seed}.`,
    '',
    table(scoreHeader(options.folds), evaluation.reports.map(scoreRow)),
    ...thinFoldLines(found),
    '',
    ...confusionLines(bestMethod(evaluation.reports), samples.classNames),
  ].join('\n')
}

/** What was classified, in a sentence. */
export function introduction({ target, models, samples }: Classification): string {
  const counts = classCounts(samples)
  const classes = samples.classNames.map((name, k) => `${shorten(name, 40)} ${formatCount(counts[k]!)}`)
  const bins = target.bins.length > 0 ? ` (${target.bins.join('; ')})` : ''
  return `${target.name}${bins}: ${formatQuantity(samples.ids.length, 'photo')} with ${models.map(({ key }) => key).join(' and ')}: ${shorten(classes.join(', '), 600)}.`
}

/** Which photos were left out, a sentence each. */
export function leftOutLines({ samples: { leftOut }, target, options }: Classification): string[] {
  const { withoutValue, notDrawn, withoutVector, rare } = leftOut
  const rarePhotos = Object.values(rare).reduce((sum, count) => sum + count, 0)
  return [
    withoutValue > 0 ? `Left out: ${formatQuantity(withoutValue, 'photo')} without a value of ${target.name}.` : '',
    withoutVector > 0 ? `Left out: ${formatQuantity(withoutVector, 'photo')} without a vector of each model.` : '',
    rarePhotos > 0
      ? `Left out: ${formatQuantity(rarePhotos, 'photo')} of classes with fewer than ${options.minPhotos}: ${shorten(Object.keys(rare).join(', '), 200)}.`
      : '',
    notDrawn > 0 ? `Not drawn: ${formatQuantity(notDrawn, 'photo')} beyond --sample ${options.sample}.` : '',
  ].filter(line => line !== '')
}

/** Which classes have too few photos for one in every fold. */
export function thinFoldLines({ samples, options: { folds } }: Classification): string[] {
  const counts = classCounts(samples)
  const thin = samples.classNames.filter((_, k) => counts[k]! < folds)
  if (thin.length === 0) return []
  return [
    `Fewer photos than folds: ${shorten(thin.join(', '), 200)}. Some folds test none of them; their balanced accuracy and macro F1 tell less.`,
  ]
}

export function scoreHeader(folds: number): string[] {
  return ['method', 'accuracy', 'balanced', 'macro F1', ...(folds > 0 ? [`accuracy, ${folds} folds`] : [])]
}

export function scoreRow({ method, test, folds }: MethodReport): string[] {
  const scores = [test.accuracy, test.balancedAccuracy, test.macroF1].map(decimals)
  return [method, ...scores, ...(folds === null ? [] : [spread(folds.accuracy)])]
}

/** The matrix, or why there is none. */
function confusionLines({ method, test }: MethodReport, names: readonly string[]): string[] {
  if (names.length > MOST_SHOWN)
    return [`The confusion matrix of ${names.length} classes is too wide for this table: see --json or --html.`]
  const short = names.map(name => shorten(name, Math.min(WIDEST, Math.floor(64 / names.length))))
  const rows = test.confusion.map((row, k) => [short[k]!, ...row])
  return [`Confusion of ${method} (rows: actual, columns: predicted):`, table(['', ...short], rows)]
}

/** A classification as objects: one that describes the photos, then one per method. */
export function classificationObjects({ target, models, samples, evaluation, options }: Classification): object[] {
  const counts = classCounts(samples)
  const { train, test } = evaluation.split
  return [
    {
      column: target.name,
      models: models.map(({ key }) => key),
      photos: samples.ids.length,
      classes: Object.fromEntries(samples.classNames.map((name, k) => [name, counts[k]])),
      left_out: leftOutObject(samples),
      train: train.length,
      test: test.length,
      seed: options.seed,
    },
    ...evaluation.reports.map(({ method, test: scores, folds }) => ({
      method,
      accuracy: scores.accuracy,
      balanced_accuracy: scores.balancedAccuracy,
      macro_f1: scores.macroF1,
      confusion: scores.confusion,
      ...(folds === null
        ? {}
        : {
            folds: {
              accuracy: folds.accuracy,
              balanced_accuracy: folds.balancedAccuracy,
              macro_f1: folds.macroF1,
            },
          }),
    })),
  ]
}

function leftOutObject({ leftOut }: PhotoSamples): object {
  return {
    without_value: leftOut.withoutValue,
    without_vector: leftOut.withoutVector,
    not_drawn: leftOut.notDrawn,
    rare_classes: leftOut.rare,
  }
}
