import { median } from '../domain/indexes/recall.js'
import type { AskedQuery, EvaluationRepository, RankingOptions } from '../domain/ports/analysis/evaluations.js'
import type { SearchSetting } from '../domain/ports/index-repository.js'
import type { ModelId } from '../domain/ports/repository.js'
import type { SearchModel } from '../search/search-model.js'
import type { JudgedQueries } from './judged-queries.js'
import { MEASURES, type Measure, measuresOf, PAGE, type Ranking, type Relevance } from './measures.js'
import type { TriedCorrection, TriedCorrections } from './tried-corrections.js'

/** Queries per transaction. */
const AT_ONCE = 10
/** Most queries per pass over the photos where corrections are tried. */
const PER_PASS = 200
/** Photos that a hybrid search takes from each of its two lists, at least. */
const HYBRID_DEPTH = 200

/** A variant that is ready to search. */
export interface Variant {
  name: string
  model: SearchModel
  /** Undefined: as searches are tuned. */
  setting?: SearchSetting
  hybrid: { vectorWeight: number; textWeight: number } | null
  /** Weight of the stored correction; undefined: that of the model. */
  correctionWeight?: number
  /** Computed in this process instead of searched for. */
  tried?: TriedCorrection
}

/** What one variant did with each query. */
export interface VariantResult {
  variant: Variant
  /** One number per query, [queries] */
  measures: Record<Measure, Float64Array>
  /** Ids of the first ten hits per query. */
  pages: string[][]
  /** Median time of a page of ten, in ms; null: nothing was searched. */
  ms: number | null
}

export interface Evaluation {
  queries: string[]
  /** Relevant photos of each query. */
  relevant: number[]
  /** In the order of the variants. */
  results: VariantResult[]
}

export interface EvaluationPlan {
  variants: readonly Variant[]
  /** Photos of the deep list. */
  depth: number
  /** Vectors of the drawn queries, by model. */
  vectors: ReadonlyMap<ModelId, readonly Float32Array[]>
  /** By model: of its variants with a tried correction, in their order. */
  tried: ReadonlyMap<ModelId, TriedCorrections>
}

interface Answer extends Ranking {
  ms: number | null
}

/**
 * Asks every variant every query, and measures the answers. Keeps numbers and the first ten ids per query and variant,
 * not the lists.
 * @param onProgress queries that are done, of all
 * @throws AppError of a search
 */
export async function evaluate(
  evaluations: Pick<EvaluationRepository, 'rank'>,
  judged: JudgedQueries,
  { variants, depth, vectors, tried }: EvaluationPlan,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<Evaluation> {
  const { queries } = judged.drawn
  const found: Evaluation = { queries: [], relevant: [], results: [] }
  const rows = variants.map(() => ({
    measures: [] as Record<Measure, number>[],
    pages: [] as string[][],
    ms: [] as number[],
  }))
  const step =
    tried.size === 0 ? AT_ONCE : Math.min(PER_PASS, ...[...tried.values()].map(each => each.queriesAtOnce(depth)))
  for (let from = 0; from < queries.length; from += step) {
    signal.throwIfAborted()
    const texts = queries.slice(from, from + step)
    const relevances: Relevance[] = []
    for (const text of texts) relevances.push(await judged.relevance(text))
    // A photo may have gone since the queries were drawn.
    const kept = texts.flatMap((_, i) => (relevances[i]!.size > 0 ? [i] : []))
    const asked = (model: ModelId) => kept.map(i => ({ text: texts[i]!, vector: vectors.get(model)![from + i]! }))
    const computed = new Map<Variant, Answer[]>()
    for (const [model, corrections] of tried) {
      const lists = await corrections.rank(
        asked(model).map(({ vector }) => vector),
        depth,
        signal,
      )
      const ofModel = variants.filter(variant => variant.tried && variant.model.id === model)
      for (const [v, variant] of ofModel.entries())
        computed.set(
          variant,
          lists[v]!.map(deep => ({ page: deep, deep, ms: null })),
        )
    }
    for (const [v, variant] of variants.entries()) {
      const answers =
        computed.get(variant) ?? (await searched(evaluations, variant, asked(variant.model.id), depth, signal))
      for (const [i, { ms, ...ranking }] of answers.entries()) {
        rows[v]!.measures.push(measuresOf(ranking, relevances[kept[i]!]!))
        rows[v]!.pages.push(ranking.page.slice(0, PAGE))
        if (ms !== null) rows[v]!.ms.push(ms)
      }
    }
    for (const i of kept) {
      found.queries.push(texts[i]!)
      found.relevant.push(relevances[i]!.size)
    }
    onProgress(from + texts.length, queries.length)
  }
  found.results = variants.map((variant, v) => ({
    variant,
    measures: columns(rows[v]!.measures),
    pages: rows[v]!.pages,
    ms: rows[v]!.ms.length === 0 ? null : median(rows[v]!.ms),
  }))
  return found
}

/**
 * The page of ten is asked for as such: an index reads further for a longer list, and hybrid search goes deeper into its
 * two lists.
 */
async function searched(
  evaluations: Pick<EvaluationRepository, 'rank'>,
  { model, setting, hybrid, correctionWeight }: Variant,
  asked: readonly AskedQuery[],
  depth: number,
  signal: AbortSignal,
): Promise<Answer[]> {
  const optionsFor = (k: number): RankingOptions => ({
    k,
    setting,
    correctionWeight,
    hybrid: hybrid === null ? undefined : { ...hybrid, depth: Math.max(HYBRID_DEPTH, k) },
  })
  const answers: Answer[] = []
  for (let from = 0; from < asked.length; from += AT_ONCE) {
    signal.throwIfAborted()
    const some = asked.slice(from, from + AT_ONCE)
    const pages = await evaluations.rank(model.id, some, optionsFor(PAGE))
    const lists = await evaluations.rank(model.id, some, optionsFor(depth))
    answers.push(...pages.map(({ photoIds, ms }, i) => ({ page: photoIds, deep: lists[i]!.photoIds, ms })))
  }
  return answers
}

function columns(rows: readonly Record<Measure, number>[]): Record<Measure, Float64Array> {
  return Object.fromEntries(MEASURES.map(name => [name, Float64Array.from(rows, row => row[name])])) as Record<
    Measure,
    Float64Array
  >
}
