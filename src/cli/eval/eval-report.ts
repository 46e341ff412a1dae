import type { VariantReport } from '../../evaluation/compare.js'
import type { Evaluation } from '../../evaluation/evaluate.js'
import type { JudgedQueries } from '../../evaluation/judged-queries.js'
import type { Measure } from '../../evaluation/measures.js'
import type { CommonOptions } from '../context.js'

export interface EvalOptions extends CommonOptions {
  variant?: string[]
  words?: string
  references?: string
  queries: number
  minRelevant: number
  split?: boolean
  by: Measure
  depth?: number
  resamples: number
  seed: number
  html?: string
}

/** A part of the queries: all of them, or a half. */
export interface MeasuredPart {
  part: 'all' | 'first half' | 'second half'
  /** Places of the queries. */
  places: Int32Array
  /** Of all variants; of the second half the first variant and the chosen one. */
  reports: VariantReport[]
}

/** What was measured, for reports. */
export interface EvalReport {
  /** The source as it was named. */
  source: string
  drawn: JudgedQueries['drawn']
  evaluation: Evaluation
  depth: number
  parts: MeasuredPart[]
  /** Place of the variant that was best by `--by`; with `--split` on the first half. */
  best: number
  /** Remarks on the data, a sentence each. */
  remarks: string[]
  options: EvalOptions
}
