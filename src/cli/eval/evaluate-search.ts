import type { Repositories } from '../../compose/open-repositories.js'
import { AppError } from '../../domain/errors.js'
import type { DrawOptions } from '../../domain/ports/analysis/evaluations.js'
import { formatCount, formatQuantity } from '../../domain/text/format.js'
import { halvesOf } from '../../evaluation/bootstrap.js'
import { bestOf, compare } from '../../evaluation/compare.js'
import type { Evaluation, Variant } from '../../evaluation/evaluate.js'
import type { JudgedQueries } from '../../evaluation/judged-queries.js'
import { planVariants } from '../../evaluation/plan-variants.js'
import { parseVariants } from '../../evaluation/variant.js'
import type { PhotoSearch } from '../../search/photo-search.js'
import type { SearchModel } from '../../search/search-model.js'
import { type Context, endInTime } from '../context.js'
import { SOME_FAILED } from '../exit-codes.js'
import { openSearch } from '../open-search.js'
import { checkOutputFiles, writeOutputFile } from '../print/output-file.js'
import { Progress } from '../print/progress.js'
import { askVariants } from './ask-variants.js'
import { renderEvaluation } from './eval-page.js'
import type { EvalOptions, EvalReport, MeasuredPart } from './eval-report.js'
import { evaluationObjects, evaluationText } from './eval-text.js'
import { openJudged, parseSource, type Source } from './judged-source.js'

/** The `eval` command. @param named source of the queries @returns exit code */
export async function evaluateSearch(context: Context, named: string, options: EvalOptions): Promise<number> {
  const { app, out, signal } = context
  endInTime(context, 'nothing')
  await checkOutputFiles({ '--html': options.html })
  const specs = parseVariants(options.variant ?? [])
  const source = parseSource(named, options.words)
  if (options.split && specs.length < 2)
    throw new AppError('USAGE', '--split expects at least two variants to choose from, found one')

  const repositories = await app.repositories()
  const search = await openSearch(context)
  const modelOf = modelsByName(context, search)
  const { variants, depth } = await planVariants(specs, modelOf, repositories.indexes, options.depth)
  const models = [...new Map(variants.map(({ model }) => [model.id, model])).values()]

  const progress = new Progress('eval')
  try {
    progress.write(`eval: drawing queries of ${source.name} …`)
    const draw: DrawOptions = {
      modelIds: models.map(({ id }) => id),
      leastRelevant: options.minRelevant,
      most: options.queries,
      seed: options.seed,
    }
    const { judged, remarks, badRows } = await openJudged(source, repositories, models[0]!, draw, signal)
    requireQueries(judged, source, options)
    const evaluation = await askVariants(context, judged, { variants, depth, models }, options, progress)
    const report: EvalReport = {
      source: source.name,
      drawn: judged.drawn,
      evaluation,
      depth,
      ...choose(evaluation, options),
      remarks: [...remarks, ...circularRemark(source, variants), ...(await unlikePhotos(repositories, models))],
      options,
    }
    progress.end()
    if (out.json) for (const object of evaluationObjects(report)) out.result(object, '')
    else out.text(evaluationText(report))
    if (options.html) {
      await writeOutputFile(options.html, await renderEvaluation(report, judged, search, await app.store()))
      out.note(`Wrote ${options.html}`)
    }
    return badRows > 0 ? SOME_FAILED : 0
  } finally {
    progress.end()
  }
}

/** Models by the names of variants, each looked up once. Undefined: the model of the command. */
function modelsByName(
  { app, modelNamed }: Context,
  search: PhotoSearch,
): (name: string | undefined) => Promise<SearchModel> {
  const found = new Map<string | undefined, SearchModel>()
  return async name => {
    const known = found.get(name) ?? (await search.model(name ?? (modelNamed ? app.config.MODEL : undefined)))
    found.set(name, known)
    return known
  }
}

/** @throws AppError NOT_FOUND */
function requireQueries({ drawn }: JudgedQueries, { name }: Source, { minRelevant }: EvalOptions): void {
  if (drawn.queries.length > 0) return
  throw new AppError(
    'NOT_FOUND',
    `${name}: expected queries with at least ${formatQuantity(minRelevant, 'relevant photo')} among the embedded photos, found none of ${formatQuantity(drawn.total, 'query', 'queries')}.${drawn.total === 0 && name === 'conversions' ? ' Load the table first: unsplash-clip ingest --table conversions FILE…' : ''}`,
  )
}

/** The reports of all queries, or of two halves: the best variant is chosen on the first, and reported beside the first one. */
function choose({ queries, results }: Evaluation, options: EvalOptions): Pick<EvalReport, 'parts' | 'best'> {
  const { by, seed } = options
  const part = (name: MeasuredPart['part'], places: Int32Array, shown?: number[]): MeasuredPart => ({
    part: name,
    places,
    reports: compare(results, places, options, shown),
  })
  const all = Int32Array.from(queries.keys())
  if (!options.split) return { best: bestOf(results, all, by), parts: [part('all', all)] }
  if (queries.length < 2)
    throw new AppError('NOT_FOUND', '--split expects at least two queries to measure with, found one')
  const [first, second] = halvesOf(queries.length, seed)
  const best = bestOf(results, first, by)
  return { best, parts: [part('first half', first), part('second half', second, [best])] }
}

/** Hybrid search reads the words that make a photo relevant. */
function circularRemark(source: Source, variants: readonly Variant[]): string[] {
  return source.kind === 'column' && variants.some(({ hybrid }) => hybrid !== null)
    ? [
        'Hybrid variants read the words that make a photo relevant here, so their figures say how often words occur, not how good answers are.',
      ]
    : []
}

/** Photos that only some of the models have embedded are wrong answers of these. */
async function unlikePhotos(
  { evaluations }: Pick<Repositories, 'evaluations'>,
  models: readonly SearchModel[],
): Promise<string[]> {
  if (models.length === 1) return []
  const { each, all } = await evaluations.countEmbedded(models.map(({ id }) => id))
  if (each.every(count => count === all)) return []
  const counts = models.map(({ key }, i) => `${key} ${formatCount(each[i]!)}`).join(', ')
  return [
    `The models have embedded different photos (${counts}; ${formatCount(all)} by all). Relevant are only those of all models, the others are wrong answers of the models that have them.`,
  ]
}
