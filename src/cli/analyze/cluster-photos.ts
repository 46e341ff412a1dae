import { clusterNames, NONE } from '../../analysis/clusters/cluster-names.js'
import { clusterRows } from '../../analysis/clusters/cluster-rows.js'
import { type FoundClusters, findClusters } from '../../analysis/clusters/find-clusters.js'
import { representatives } from '../../analysis/clusters/sorted-clusters.js'
import { loadVectors, type PhotoVectors } from '../../analysis/load-vectors.js'
import { rowsAreEqual } from '../../analysis/matrix/matrix.js'
import { Products } from '../../analysis/matrix/products.js'
import { AppError } from '../../domain/errors.js'
import { LABEL_SET_NAME_PATTERN } from '../../domain/labels.js'
import { formatQuantity } from '../../domain/text/format.js'
import type { Context } from '../context.js'
import { openSearchWithModel } from '../open-search.js'
import { filtersOf } from '../options/filter-options.js'
import { bars, table } from '../print/output.js'
import { Progress } from '../print/progress.js'
import type { ClusterOptions } from './cluster-options.js'
import { checkMethodOptions, clusterRequest } from './cluster-request.js'
import { clusterWords } from './cluster-words.js'

const LEAST_PHOTOS = 3
/** Photos of a cluster that are named. */
const SHOWN = 3

/** The `analyze cluster` command. @returns exit code */
export async function clusterPhotos(context: Context, options: ClusterOptions): Promise<number> {
  const { app, out, signal } = context
  checkMethodOptions(options)
  if (options.save !== undefined && !LABEL_SET_NAME_PATTERN.test(options.save))
    throw new AppError(
      'USAGE',
      `--save expects lower-case letters, digits and _, found ${JSON.stringify(options.save)}`,
    )
  const filters = await filtersOf(options)
  const { search, model } = await openSearchWithModel(context)
  const repositories = await app.repositories()
  const progress = new Progress('cluster')
  const products = await Products.open()
  try {
    const selection = { modelId: model.id, filters }
    const onRead = (done: number, total: number) => progress.update({ total, done, failed: 0 }, 'reading vectors')
    const photos = await loadVectors(repositories.vectors, selection, LEAST_PHOTOS, onRead, signal)
    const request = await clusterRequest(options, photos, name => repositories.projections.points(model.id, name))
    const onStep = (step: string) => progress.write(`cluster: ${step}`)
    const found = await findClusters(products, photos.vectors, request, onStep, signal)
    progress.write('cluster: names')
    const words = await clusterWords({ search, model, clusters: repositories.clusters }, photos, found, signal)
    const seconds = progress.end()
    const names = clusterNames(words)
    printTried(context, found)
    printClusters(context, photos, found, names, words)
    if (options.save !== undefined) {
      const labels = [...names, ...(found.assignment.includes(-1) ? [NONE] : [])]
      const set = { name: options.save, labels, clustering: found.clustering }
      const stored = await repositories.clusters.save(model.id, set, () => clusterRows(products, photos, found))
      out.result(
        { saved: options.save, photos: stored, clustering: found.clustering },
        `\nKept ${formatQuantity(stored, 'photo')} in the label set ${options.save}. Look at it: unsplash-clip labels show ${options.save} --sample 4`,
      )
    }
    if (rowsAreEqual(photos.vectors))
      out.note(
        'All of these photos have the same vector, so the clusters say nothing about them. Are they copies of one picture?',
      )
    out.note(`${formatQuantity(photos.ids.length, 'photo')} clustered with ${model.key} in ${seconds.toFixed(1)} s.`)
    return 0
  } finally {
    progress.end()
    await products.close()
  }
}

function printTried({ out }: Context, { tried, clustering }: FoundClusters): void {
  if (out.json) {
    for (const each of tried) out.result({ ...each, best: each.k === clustering.k }, '')
    return
  }
  if (tried.length === 0) return
  const rows = tried.map(({ k, inertia, silhouette }) => [
    String(k),
    inertia.toFixed(3),
    silhouette.toFixed(4),
    tried.length > 1 && k === clustering.k ? 'best' : '',
  ])
  out.text(`${table(['k', 'inertia', 'silhouette', ''], rows)}\n`)
}

function printClusters(
  { out }: Context,
  { ids, vectors }: PhotoVectors,
  found: FoundClusters,
  names: readonly string[],
  words: readonly (readonly string[])[],
): void {
  const shown = names.map((_, i) =>
    representatives(vectors, found, i)
      .slice(0, SHOWN)
      .map(row => ids[row]!),
  )
  const none = found.assignment.reduce((count, cluster) => count + (cluster < 0 ? 1 : 0), 0)
  if (out.json) {
    for (const [i, cluster] of names.entries())
      out.result({ cluster, photos: found.sizes[i], words: words[i], representative: shown[i] }, '')
    if (none > 0) out.result({ cluster: NONE, photos: none }, '')
    return
  }
  if (names.length === 0) out.text('No group of photos is dense enough to be a cluster. Try a smaller --min-size.')
  const counts = names.map((label, i) => ({ label, count: found.sizes[i]! }))
  out.text(bars([...counts, ...(none > 0 ? [{ label: NONE, count: none }] : [])]))
  if (names.length > 0)
    out.text(
      `\n${table(
        ['cluster', 'most typical photos'],
        names.map((name, i) => [name, shown[i]!.join(' ')]),
      )}`,
    )
}
