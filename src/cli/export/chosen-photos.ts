import { createHash } from 'node:crypto'
import { AppError } from '../../domain/errors.js'
import type { Filter, Hit, LabelFilter } from '../../domain/ports/search.js'
import type { VectorRepository } from '../../domain/ports/vectors/vector-repository.js'
import type { ChosenPhotos } from '../../exports/run-export.js'
import { diversePhotos } from '../../exports/selection/diverse.js'
import type { PhotoSearch } from '../../search/photo-search.js'
import type { SearchModel } from '../../search/search-model.js'
import type { Progress } from '../print/progress.js'
import type { ExportOptions } from './export-options.js'

/** Hits of one search; more are found page by page. */
const HITS_AT_ONCE = 10_000
const DEFAULT_COUNT = 1000

interface Filters {
  labels: LabelFilter[]
  where: Filter[]
}

/** What to export the nearest photos of. */
export type ExportQuery = ({ words: string } | { photo: string }) & { count: number; minScore?: number }

/** @returns null without a query. @throws AppError USAGE for options that contradict each other */
export function wantedQuery(
  text: string | undefined,
  { photo, count, minScore }: Pick<ExportOptions, 'photo' | 'count' | 'minScore'>,
): ExportQuery | null {
  if (text !== undefined && photo !== undefined)
    throw new AppError('USAGE', 'Expected words or --photo ID, found both.')
  const subject = text !== undefined ? { words: text } : photo !== undefined ? { photo } : null
  if (subject === null && (count ?? minScore) !== undefined)
    throw new AppError('USAGE', '--count and --min-score need words or --photo ID; found neither.')
  return subject && { ...subject, count: count ?? DEFAULT_COUNT, ...(minScore === undefined ? {} : { minScore }) }
}

/** The selection as the manifest tells it; a list of photos by its digest. */
export function describeSelection(
  { labels, where }: Filters,
  query: ExportQuery | null,
  { diverse, seed }: Pick<ExportOptions, 'diverse' | 'seed'>,
): Record<string, unknown> {
  const described = where.map(filter =>
    'photos' in filter
      ? { photos: filter.photos.length, sha256: createHash('sha256').update(filter.photos.join('\n')).digest('hex') }
      : filter,
  )
  return { labels, where: described, query, diverse: diverse === undefined ? null : { count: diverse, seed } }
}

/** Finds the hits of the query, and the diverse subset of them or of all photos. */
export async function choosePhotos(
  { search, model, vectors }: { search: PhotoSearch; model: SearchModel; vectors: VectorRepository },
  filters: Filters,
  query: ExportQuery | null,
  { diverse: count, seed }: Pick<ExportOptions, 'diverse' | 'seed'>,
  progress: Progress,
  signal: AbortSignal,
): Promise<ChosenPhotos> {
  const scores = query === null ? null : await hits(search, model, filters, query, signal)
  let ids = scores === null ? null : [...scores.keys()]
  if (count !== undefined && ids?.length !== 0)
    ids = await diversePhotos(
      vectors,
      { modelId: model.id, ...(ids === null ? { filters } : { ids }) },
      {
        count,
        seed,
        onProgress: (chosen, of) => progress.write(`export: chose ${chosen} of ${of} photos`),
        signal,
      },
    )
  return { ids, scores: scores && ids!.map(id => scores.get(id)!) }
}

async function hits(
  search: PhotoSearch,
  model: SearchModel,
  filters: Filters,
  { count, minScore, ...subject }: ExportQuery,
  signal: AbortSignal,
): Promise<Map<string, number>> {
  const scores = new Map<string, number>()
  let last: Hit | undefined
  while (scores.size < count) {
    const k = Math.min(HITS_AT_ONCE, count - scores.size)
    const after = last && { score: last.score, photoId: last.photoId }
    const found = await search.nearest(model, subject, { ...filters, k, minScore, after }, signal)
    for (const { photoId, score } of found) scores.set(photoId, score)
    last = found.at(-1)
    if (found.length < k) break
  }
  return scores
}
