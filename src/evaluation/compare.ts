import { type Estimate, estimates, meanOf } from './bootstrap.js'
import type { Evaluation, Variant, VariantResult } from './evaluate.js'
import { MEASURES, type Measure } from './measures.js'

export interface VariantReport {
  /** Place among the variants, from 1. */
  number: number
  variant: Variant
  measures: Record<Measure, Estimate>
  /** To the first variant, paired per query; null for the first one. */
  difference: (Record<Measure, Estimate> & Counts) | null
  ms: number | null
}

/** Queries on which the chosen measure is higher than, lower than and equal to that of the first variant. */
interface Counts {
  better: number
  worse: number
  equal: number
}

export interface Resampling {
  resamples: number
  seed: number
  /** The measure that variants are chosen by. */
  by: Measure
}

/**
 * Compares variants with the first one over some of the queries.
 * @param places of the queries, at least one
 * @param shown places of the variants to report; the first one always is
 */
export function compare(
  results: readonly VariantResult[],
  places: Int32Array,
  { resamples, seed, by }: Resampling,
  shown: readonly number[] = [...results.keys()],
): VariantReport[] {
  const variants = [...new Set([0, ...shown])]
  const picked = variants.map(v => mapMeasures(name => Float64Array.from(places, i => results[v]!.measures[name][i]!)))
  const differences = picked.map(each =>
    mapMeasures(name => each[name].map((value, i) => value - picked[0]![name][i]!)),
  )
  // One pass, so that all of them are means over the same drawn queries.
  const all = [...picked, ...differences].flatMap(each => MEASURES.map(name => each[name]))
  const estimated = estimates(all, resamples, seed)
  const at = (row: number) => mapMeasures((_, m) => estimated[row * MEASURES.length + m]!)
  return variants.map((v, row) => ({
    number: v + 1,
    variant: results[v]!.variant,
    measures: at(row),
    difference: v === 0 ? null : { ...at(variants.length + row), ...countsOf(differences[row]![by]) },
    ms: results[v]!.ms,
  }))
}

/** The place of the variant with the highest mean; of equal ones the first. */
export function bestOf(results: readonly VariantResult[], places: Int32Array, by: Measure): number {
  const means = results.map(({ measures }) => meanOf(Float64Array.from(places, i => measures[by][i]!)))
  return means.indexOf(Math.max(...means))
}

/** Places of queries by what a variant changed. @returns those that got better, the most first, and those that got worse */
export function changedQueries(
  { queries, results }: Evaluation,
  variant: number,
  by: Measure,
): { better: number[]; worse: number[] } {
  const change = (i: number) => results[variant]!.measures[by][i]! - results[0]!.measures[by][i]!
  const sorted = queries.map((_, i) => i).sort((a, b) => change(b) - change(a) || a - b)
  return { better: sorted.filter(i => change(i) > 0), worse: sorted.filter(i => change(i) < 0).reverse() }
}

function countsOf(differences: Float64Array): Counts {
  const better = differences.filter(value => value > 0).length
  const worse = differences.filter(value => value < 0).length
  return { better, worse, equal: differences.length - better - worse }
}

function mapMeasures<T>(ofMeasure: (name: Measure, place: number) => T): Record<Measure, T> {
  return Object.fromEntries(MEASURES.map((name, i) => [name, ofMeasure(name, i)])) as Record<Measure, T>
}
