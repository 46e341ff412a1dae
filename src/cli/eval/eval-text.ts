import { formatCount, formatQuantity } from '../../domain/text/format.js'
import type { Estimate } from '../../evaluation/bootstrap.js'
import type { VariantReport } from '../../evaluation/compare.js'
import { MEASURE_NAMES, MEASURES } from '../../evaluation/measures.js'
import { table } from '../print/output.js'
import type { EvalReport, MeasuredPart } from './eval-report.js'

/** Formats an evaluation for people, 80 columns wide. */
export function evaluationText(report: EvalReport): string {
  return [
    ...introduction(report),
    '',
    ...report.evaluation.results.map(
      ({ variant, ms }, v) => `${v + 1}: ${variant.name} (${variant.model.key}), ${timeOf(ms)}`,
    ),
    ...report.parts.flatMap(part => ['', ...partLines(report, part)]),
  ].join('\n')
}

/** The time of a page. A correction that is only tried is computed for all queries at once. */
export const timeOf = (ms: number | null): string => (ms === null ? 'computed here' : `${ms.toFixed(1)} ms per page`)

/** Queries and remarks, a sentence each. */
export function introduction({ source, drawn, evaluation, depth, remarks, options }: EvalReport): string[] {
  const relevant = evaluation.relevant.reduce((sum, count) => sum + count, 0)
  const leftOut = [
    drawn.tooFewRelevant > 0
      ? `${formatCount(drawn.tooFewRelevant)} with fewer than ${formatQuantity(options.minRelevant, 'relevant photo')} here`
      : '',
    drawn.unusable > 0 ? `${formatCount(drawn.unusable)} blank or longer than 2000 bytes` : '',
  ].filter(text => text !== '')
  return [
    `${source}: ${formatQuantity(evaluation.queries.length, 'query', 'queries')} of ${formatCount(drawn.total)}, with ${(relevant / evaluation.queries.length).toFixed(1)} relevant photos each on average. Seed ${options.seed}.`,
    ...(leftOut.length > 0 ? [`Left out: ${leftOut.join('; ')}.`] : []),
    `mAP and MRR look at the first ${formatCount(depth)}. Intervals: 95 %, ${formatCount(options.resamples)} resamples of the queries.`,
    ...remarks,
  ]
}

function partLines(report: EvalReport, measured: MeasuredPart): string[] {
  const { best, evaluation, options } = report
  const { part, places, reports } = measured
  const by = MEASURE_NAMES[options.by]
  const queries = formatQuantity(places.length, 'query', 'queries')
  const measures = table(measureHeader(), partRows(measured))
  if (part === 'first half')
    return [`Chosen on ${queries}, by ${by}: ${best + 1}, ${evaluation.results[best]!.variant.name}.`, measures]
  return [
    ...(part === 'second half' ? [`Measured on the other ${queries}:`] : []),
    measures,
    ...reports.flatMap(({ number, difference }) =>
      difference === null
        ? []
        : [
            `${by} of ${number} is higher than that of 1 for ${formatQuantity(difference.better, 'query', 'queries')}, lower for ${formatCount(difference.worse)}.`,
          ],
    ),
  ]
}

/** Means with intervals; of the half that a variant is chosen on, the means alone. */
export function partRows({ part, reports }: MeasuredPart): string[][] {
  return part === 'first half' ? reports.map(meanRow) : reports.flatMap(measureRows)
}

export function measureHeader(): string[] {
  return ['', ...MEASURES.map(name => MEASURE_NAMES[name])]
}

function meanRow({ number, measures }: VariantReport): string[] {
  return [`${number}`, ...MEASURES.map(name => measures[name].mean.toFixed(3))]
}

/** Means and intervals of a variant, then those of its difference to the first one. `*`: the interval excludes 0. */
function measureRows(report: VariantReport): string[][] {
  const { number, measures, difference } = report
  const rows = [meanRow(report), ['', ...MEASURES.map(name => interval(measures[name], decimals))]]
  if (difference === null) return rows
  return [
    ...rows,
    [
      `${number}-1`,
      ...MEASURES.map(name => `${signed(difference[name].mean)}${isCertain(difference[name]) ? ' *' : ''}`),
    ],
    ['', ...MEASURES.map(name => interval(difference[name], signed))],
  ]
}

const decimals = (value: number): string => value.toFixed(3)
const signed = (value: number): string => `${value < 0 ? '' : '+'}${value.toFixed(3)}`
const interval = ({ low, high }: Estimate, format: (value: number) => string): string =>
  `${format(low)}…${format(high)}`
const isCertain = ({ low, high }: Estimate): boolean => low > 0 || high < 0

/** An evaluation as objects: one that describes the queries, then one per part and variant. */
export function evaluationObjects({
  source,
  drawn,
  evaluation,
  depth,
  parts,
  best,
  remarks,
  options,
}: EvalReport): object[] {
  return [
    {
      source,
      queries: evaluation.queries.length,
      total: drawn.total,
      left_out: { too_few_relevant: drawn.tooFewRelevant, unusable: drawn.unusable },
      relevant_photos: evaluation.relevant.reduce((sum, count) => sum + count, 0),
      depth,
      resamples: options.resamples,
      seed: options.seed,
      by: options.by,
      best: evaluation.results[best]!.variant.name,
      remarks,
    },
    ...parts.flatMap(({ part, places, reports }) =>
      reports.map(({ variant, measures, difference, ms }) => ({
        part,
        queries: places.length,
        variant: variant.name,
        model: variant.model.key,
        ...measures,
        difference,
        ms,
      })),
    ),
  ]
}
