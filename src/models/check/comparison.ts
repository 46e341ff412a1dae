import { labelScores } from '../../domain/labels.js'
import type { ModelIdentity } from '../../domain/model.js'
import { cosineSimilarity, dot } from '../../domain/similarity.js'

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

/** Number of neighbours and hits to compare. */
const TOP = 10
/** Maximum photos whose neighbours are looked up, evenly spread: each look-up reads all photos. */
const MOST_LOOKUPS = 1000

/**
 * Compares a model's embeddings with published embeddings of the same photos, and the results that follow from them:
 * neighbours, hits of text queries, labels.
 */
export function compareVectors(
  { photos, queries, labels = [], known = [] }: ComparisonInput,
  model: Pick<ModelIdentity, 'precision' | 'scoring' | 'logitScale' | 'logitBias'>,
): Comparison {
  const bars = barsFor(model.precision)
  const looked = spread(photos.ours.length, MOST_LOOKUPS)
  const own = share(looked, i => nearest(photos.published, photos.ours[i]!, 1)[0] === i)
  const measures = [
    ...cosineMeasures('photos', photos, bars.cosine),
    inform('photos: the nearest published vector is of the same photo', own),
    atLeast('photos: ten nearest photos in common', commonNeighbours(photos, looked), bars.neighbours),
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
  const cosines = ours.map((vector, i) => cosineSimilarity(vector, published[i]!)).sort(ascending)
  const at = (part: number) => percentile(cosines, part)
  return [
    atLeast(`${what}: cosine, median`, at(0.5), bar),
    inform(`${what}: cosine, 5th percentile`, at(0.05)),
    inform(`${what}: cosine, 1st percentile`, at(0.01)),
    inform(`${what}: cosine, least`, at(0)),
  ]
}

function commonNeighbours({ ours, published }: Pair, looked: readonly number[]): number {
  const others = (vectors: readonly Float32Array[], i: number) =>
    nearest(vectors, vectors[i]!, TOP + 1)
      .filter(found => found !== i)
      .slice(0, TOP)
  return mean(looked.map(i => overlap(others(ours, i), others(published, i))))
}

/** Uses the median, as for cosines: the exact wording of some texts may be unknown. */
function commonHits(queries: Pair, photos: Pair): number {
  const looked = spread(queries.ours.length, MOST_LOOKUPS)
  const common = looked.map(i =>
    overlap(nearest(photos.ours, queries.ours[i]!, TOP), nearest(photos.published, queries.published[i]!, TOP)),
  )
  return percentile(common.sort(ascending), 0.5)
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
  const looked = spread(ours.length, MOST_LOOKUPS)
  const best = mean(looked.map(i => dot(ours[i]!, published[nearest(published, ours[i]!, 1)[0]!]!)))
  if (own < 0.5 && best >= bars.cosine)
    return 'the photos have published vectors of other photos: the ids do not belong to the rows, or their order differs'
  if (own >= 0.5)
    return 'most photos are nearest to their own published vectors, but not near enough: likely the same model with other preprocessing, other photo sizes or fewer bits'
  return 'the photos are near no published vectors, neither their own nor others: this is another model'
}

/** Returns the positions of the `count` vectors with the largest dot product, largest first; ties by position. */
function nearest(vectors: readonly Float32Array[], query: Float32Array, count: number): number[] {
  const scores = vectors.map(vector => dot(vector, query))
  return scores
    .map((_, i) => i)
    .sort((a, b) => scores[b]! - scores[a]! || a - b)
    .slice(0, count)
}

function overlap(a: readonly number[], b: readonly number[]): number {
  const wanted = new Set(b)
  return wanted.size === 0 ? 1 : a.filter(i => wanted.has(i)).length / wanted.size
}

/** Returns at most `count` evenly spread positions below `length`. */
function spread(length: number, count: number): number[] {
  const step = Math.max(1, length / count)
  return Array.from({ length: Math.min(length, count) }, (_, i) => Math.floor(i * step))
}

function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.floor(part * (sorted.length - 1))]!
}

function ascending(a: number, b: number): number {
  return a - b
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

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
