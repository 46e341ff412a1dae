import { labelScores } from '../../domain/labels.js'
import type { ModelIdentity } from '../../domain/model.js'
import { cosineSimilarity, dot } from '../../domain/similarity.js'
import { hitsInCommon, lookedUp, mean, nearest, neighboursInCommon, percentile } from './rankings.js'

/** Unit-length embeddings of the same inputs, row by row: from a model and as published. */
export interface Pair {
  readonly ours: readonly Float32Array[]
  readonly published: readonly Float32Array[]
}

/** A label set and the published labels of the photos. */
export interface PublishedLabels {
  readonly name: string
  readonly labels: readonly string[]
  /** Our embeddings of the prompts, one per label. */
  readonly prompts: readonly Float32Array[]
  /** One per photo; undefined when none is published. */
  readonly expected: readonly (string | undefined)[]
}

export interface ComparisonInput {
  readonly photos: Pair
  /** Texts to use as queries. */
  readonly queries?: Pair
  readonly labels?: readonly PublishedLabels[]
  /** Results for single known answers. */
  readonly known?: readonly { readonly ok: boolean }[]
}

/** One figure, between -1 and 1. `bar` is its minimum; without a bar it only informs. */
export interface Measure {
  readonly measure: string
  readonly found: number
  readonly bar?: number
  readonly ok: boolean
}

export interface Comparison {
  readonly ok: boolean
  readonly measures: readonly Measure[]
  /** The likely cause in one sentence; empty when all is well. */
  readonly diagnosis: string
}

/** Minimum figures. All but the cosine: the loss of real vectors under random errors of that cosine, plus headroom. */
interface Bars {
  readonly cosine: number
  readonly neighbours: number
  readonly queries: number
  readonly labels: number
}

/** Measured at cosine 0.999: 0.96 of the ten nearest photos, 0.9 of a text's ten best, 0.89 of close labels. */
const EXACT: Bars = { cosine: 0.999, neighbours: 0.9, queries: 0.7, labels: 0.85 }
/** Measured at cosine 0.98: 0.84, 0.6 and 0.63. */
const ROUNDED: Bars = { cosine: 0.98, neighbours: 0.75, queries: 0.4, labels: 0.6 }

/** Returns the bars. @param precision of the weights: `fp32` and `fp16` must be exact, others may round */
export function barsFor(precision: string): Bars {
  return isExact(precision) ? EXACT : ROUNDED
}

/** Returns whether a precision computes the published vectors, within 0.001 in any component of a unit vector. */
export function isExact(precision: string): boolean {
  return precision === 'fp32' || precision === 'fp16'
}

/**
 * Compares a model's embeddings with published embeddings of the same photos, and the results that follow from them:
 * neighbours, hits of text queries, labels.
 */
export function compareVectors(
  { photos, queries, labels = [], known = [] }: ComparisonInput,
  model: Pick<ModelIdentity, 'precision' | 'scoring' | 'logitScale' | 'logitBias'>,
): Comparison {
  const bars = barsFor(model.precision)
  const looked = lookedUp(photos.ours.length)
  const neighbours = mean(neighboursInCommon(photos.ours, photos.published))
  const own = share(looked, i => nearest(photos.published, photos.ours[i]!, 1)[0] === i)
  const measures = [
    ...cosineMeasures('photos', photos, bars.cosine),
    inform('photos: the nearest published vector is of the same photo', own),
    atLeast('photos: ten nearest photos in common', neighbours, bars.neighbours),
    ...labels.map(set => atLeast(`labels: ${set.name} in common`, commonLabels(set, photos.ours, model), bars.labels)),
    ...(queries
      ? [
          ...cosineMeasures('texts', queries, bars.cosine),
          atLeast('texts: ten best photos in common, median', commonHits(queries, photos), bars.queries),
        ]
      : []),
    ...(known.length > 0 ? [atLeast('known answers', mean(known.map(({ ok }) => (ok ? 1 : 0))), 1)] : []),
  ]
  const ok = measures.every(measure => measure.ok)
  return { ok, measures, diagnosis: ok ? '' : diagnose(measures, photos, own, bars) }
}

function cosineMeasures(what: string, { ours, published }: Pair, bar: number): Measure[] {
  const cosines = ours.map((vector, i) => cosineSimilarity(vector, published[i]!))
  const at = (part: number) => percentile(cosines, part)
  return [
    atLeast(`${what}: cosine, median`, at(0.5), bar),
    inform(`${what}: cosine, 5th percentile`, at(0.05)),
    inform(`${what}: cosine, 1st percentile`, at(0.01)),
    inform(`${what}: cosine, least`, at(0)),
  ]
}

/** Uses the median, as for cosines: the exact wording of some texts may be unknown. */
function commonHits(queries: Pair, photos: Pair): number {
  const ours = { texts: queries.ours, photos: photos.ours }
  return percentile(hitsInCommon(ours, { texts: queries.published, photos: photos.published }), 0.5)
}

function commonLabels(
  { labels, prompts, expected }: PublishedLabels,
  photos: readonly Float32Array[],
  model: Pick<ModelIdentity, 'scoring' | 'logitScale' | 'logitBias'>,
): number {
  const known = expected.flatMap((label, i) => (label === undefined ? [] : [i]))
  return share(known, i => {
    const scores = labelScores(
      prompts.map(prompt => cosineSimilarity(prompt, photos[i]!)),
      model,
    )
    return labels[scores.indexOf(Math.max(...scores))] === expected[i]
  })
}

/** Names the usual mistake that gives such figures. */
function diagnose(measures: readonly Measure[], { ours, published }: Pair, own: number, bars: Bars): string {
  const failed = measures.filter(({ ok }) => !ok)
  if (measures[0]!.ok)
    return `the photos match their published vectors, but these figures do not: ${failed.map(({ measure }) => measure).join(', ')}`
  const looked = lookedUp(ours.length)
  const best = mean(looked.map(i => dot(ours[i]!, published[nearest(published, ours[i]!, 1)[0]!]!)))
  if (own < 0.5 && best >= bars.cosine)
    return 'the photos have published vectors of other photos: the ids do not belong to the rows, or their order differs'
  if (own >= 0.5)
    return 'most photos are nearest to their own published vectors, but not near enough: likely the same model with other preprocessing, other photo sizes or fewer bits'
  return 'the photos are near no published vectors, neither their own nor others: this is another model'
}

function atLeast(measure: string, found: number, bar: number): Measure {
  return { measure, found, bar, ok: found >= bar }
}

function inform(measure: string, found: number): Measure {
  return { measure, found, ok: true }
}

function share(items: readonly number[], holds: (item: number) => boolean): number {
  return mean(items.map(item => (holds(item) ? 1 : 0)))
}
