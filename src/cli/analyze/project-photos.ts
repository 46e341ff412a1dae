import { loadVectors } from '../../analysis/load-vectors.js'
import { Products } from '../../analysis/matrix/products.js'
import { projectOntoPlane } from '../../analysis/projection/project.js'
import { AppError } from '../../domain/errors.js'
import { PROJECTION_NAME_PATTERN } from '../../domain/ports/analysis/projections.js'
import type { CsvValue } from '../../domain/text/csv.js'
import { formatQuantity } from '../../domain/text/format.js'
import type { Context } from '../context.js'
import { openSearchWithModel } from '../open-search.js'
import { filtersOf } from '../options/filter-options.js'
import { writeCsv } from '../print/csv.js'
import { checkOutputFiles } from '../print/output-file.js'
import { Progress } from '../print/progress.js'
import type { ProjectOptions } from './project-options.js'

const NEIGHBOURS = 15
const LEAST_PHOTOS = 3

/** The `analyze project` command. @returns exit code */
export async function projectPhotos(context: Context, options: ProjectOptions): Promise<number> {
  const { app, out, signal } = context
  const { method, neighbours = NEIGHBOURS, seed, save: name = method } = options
  if (method === 'pca' && options.neighbours !== undefined)
    throw new AppError('USAGE', '--neighbours does not go with --method pca; leave it out, or choose umap')
  if (!PROJECTION_NAME_PATTERN.test(name))
    throw new AppError('USAGE', `--save expects lower-case letters, digits and _, found ${JSON.stringify(name)}`)
  await checkOutputFiles({ '--csv': options.csv })
  const filters = await filtersOf(options)
  const { model } = await openSearchWithModel(context)
  const repositories = await app.repositories()
  const progress = new Progress('project')
  const products = await Products.open()
  try {
    const least = method === 'umap' ? neighbours + 1 : LEAST_PHOTOS
    const show = (what: string, done: number, total: number) => progress.update({ total, done, failed: 0 }, what)
    const onRead = (done: number, total: number) => show('reading vectors', done, total)
    const { ids, vectors } = await loadVectors(
      repositories.vectors,
      { modelId: model.id, filters },
      least,
      onRead,
      signal,
      method === 'umap' ? 'Ingest more photos, choose fewer --neighbours, or --method pca.' : undefined,
    )
    const request = { method, neighbours, seed, signal, onProgress: show }
    const { points, explained, parameters } = await projectOntoPlane(products, vectors, request)
    const seconds = progress.end()
    const projection = { name, method, parameters: { ...parameters, explained } }
    const stored = await repositories.projections.save(model.id, projection, { ids, points })
    if (options.csv) {
      await writeCsv(options.csv, ['photo_id', 'x', 'y'], rowsOf(ids, points))
      out.note(`Wrote ${options.csv}`)
    }
    out.result(
      { projection: name, method, photos: stored, explained_variance: explained, parameters },
      `Projection ${name}: ${formatQuantity(stored, 'photo')} placed with ${model.key} in ${seconds.toFixed(1)} s.
${method === 'pca' ? `${explainedLine(explained)}\n` : ''}Look at it: unsplash-clip serve --open, Map`,
    )
    return 0
  } finally {
    progress.end()
    await products.close()
  }
}

function explainedLine(explained: readonly number[]): string {
  const shares = explained.map(share => `${(100 * share).toFixed(2)} %`).join(' and ')
  return `The first two principal components explain ${shares} of the variance.`
}

function* rowsOf(ids: readonly string[], points: Float32Array): Generator<CsvValue[]> {
  for (const [i, id] of ids.entries()) yield [{ id }, points[2 * i]!, points[2 * i + 1]!]
}
