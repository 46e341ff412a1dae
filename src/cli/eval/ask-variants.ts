import { Products } from '../../analysis/matrix/products.js'
import type { ModelId } from '../../domain/ports/repository.js'
import { formatCount } from '../../domain/text/format.js'
import { type Evaluation, evaluate, type Variant } from '../../evaluation/evaluate.js'
import type { JudgedQueries } from '../../evaluation/judged-queries.js'
import { queryVectors } from '../../evaluation/query-vectors.js'
import type { TriedCorrections } from '../../evaluation/tried-corrections.js'
import type { SearchModel } from '../../search/search-model.js'
import type { Context } from '../context.js'
import { openTextEncoder } from '../open-search.js'
import type { Progress } from '../print/progress.js'
import type { EvalOptions } from './eval-report.js'
import { openTried } from './tried.js'

/** Embeds the queries and asks them. */
export async function askVariants(
  context: Context,
  judged: JudgedQueries,
  { variants, depth, models }: { variants: Variant[]; depth: number; models: readonly SearchModel[] },
  { references }: EvalOptions,
  progress: Progress,
): Promise<Evaluation> {
  const { app, signal } = context
  const repositories = await app.repositories()
  const { evaluations } = repositories
  const { queries } = judged.drawn
  const sources = { evaluations, textEncoder: (model: SearchModel) => openTextEncoder(context, model) }
  const vectors = new Map<ModelId, Float32Array[]>()
  for (const model of models) {
    const onProgress = (done: number) =>
      progress.write(`eval: ${formatCount(done)} of ${formatCount(queries.length)} queries embedded by ${model.key}`)
    vectors.set(model.id, (await queryVectors(sources, model, queries, onProgress, signal)).vectors)
  }
  const products = variants.some(({ tried }) => tried) ? await Products.open() : null
  try {
    const tried =
      products === null
        ? new Map<ModelId, TriedCorrections>()
        : await openTried(variants, references, { repositories, sources, products }, signal)
    const onProgress = (done: number, total: number) => progress.update({ total, done, failed: 0 }, 'queries')
    return await evaluate(evaluations, judged, { variants, depth, vectors, tried }, onProgress, signal)
  } finally {
    await products?.close()
  }
}
