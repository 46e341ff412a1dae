import type { ObjectStore } from '../../domain/ports/object-store.js'
import { formatQuantity } from '../../domain/text/format.js'
import { changedQueries } from '../../evaluation/compare.js'
import type { JudgedQueries } from '../../evaluation/judged-queries.js'
import { MEASURE_NAMES, type Relevance } from '../../evaluation/measures.js'
import type { PhotoSearch } from '../../search/photo-search.js'
import { photoCard } from '../print/hit-lines.js'
import { type PhotoCard, type PhotoSection, renderPhotoPage } from '../print/photo-page.js'
import { withSmallPictures } from '../print/small-pictures.js'
import type { EvalReport, MeasuredPart } from './eval-report.js'
import { introduction, measureHeader, partRows, timeOf } from './eval-text.js'

/** Queries that are shown per direction. */
const SHOWN = 6

/**
 * A page with the tables, and the queries that got better and worse: the first ten hits of the first variant and of the
 * best other one. With one variant, the queries that it answers best and worst.
 */
export async function renderEvaluation(
  report: EvalReport,
  judged: JudgedQueries,
  search: PhotoSearch,
  store: ObjectStore,
): Promise<string> {
  const { evaluation, parts, options } = report
  const sections: PhotoSection[] = [
    {
      heading: 'Variants',
      table: {
        header: ['', 'variant', 'model', 'time'],
        rows: evaluation.results.map(({ variant, ms }, v) => [
          String(v + 1),
          variant.name,
          variant.model.key,
          timeOf(ms),
        ]),
      },
    },
    ...parts.map(measured => ({
      heading: measured.part === 'all' ? 'Measures' : `Measures, ${measured.part}`,
      note: noteOf(measured, report),
      table: { header: measureHeader(), rows: partRows(measured) },
    })),
  ]
  const other = otherVariant(report)
  const { better, worse } = other === 0 ? extremes(report) : changedQueries(evaluation, other, options.by)
  const names = other === 0 ? ['Answered best', 'Answered worst'] : ['Better', 'Worse']
  for (const [name, places] of [
    [names[0]!, better],
    [names[1]!, worse],
  ] as const)
    for (const place of places.slice(0, SHOWN))
      sections.push(...(await querySections(name, place, other, report, judged, search, store)))
  return renderPhotoPage({
    title: `Search quality: ${report.source}`,
    intro: introduction(report).join(' '),
    sections: await withSmallPictures(sections),
  })
}

/** The first half has means alone, and chooses. */
function noteOf({ part, places }: MeasuredPart, { best, evaluation, options }: EvalReport): string {
  const queries = formatQuantity(places.length, 'query', 'queries')
  return part === 'first half'
    ? `${queries}. Chosen by ${MEASURE_NAMES[options.by]}: ${best + 1}, ${evaluation.results[best]!.variant.name}.`
    : `${queries}. A star marks differences to variant 1 whose interval excludes 0.`
}

/** The best variant beside the first one; 0 if there is only one. */
function otherVariant({ best, evaluation, parts, options }: EvalReport): number {
  if (best > 0 || evaluation.results.length === 1) return best
  const means = parts[0]!.reports.map(({ measures }) => measures[options.by].mean)
  return means.indexOf(Math.max(...means.slice(1)), 1)
}

function extremes({ evaluation: { queries, results }, options }: EvalReport): { better: number[]; worse: number[] } {
  const value = (i: number) => results[0]!.measures[options.by][i]!
  const sorted = queries.map((_, i) => i).sort((a, b) => value(b) - value(a) || a - b)
  return { better: sorted, worse: sorted.slice(SHOWN).reverse() }
}

async function querySections(
  name: string,
  place: number,
  other: number,
  { evaluation, options }: EvalReport,
  judged: JudgedQueries,
  search: PhotoSearch,
  store: ObjectStore,
): Promise<PhotoSection[]> {
  const { queries, results, relevant } = evaluation
  const relevance = await judged.relevance(queries[place]!)
  const shown = other === 0 ? [0] : [0, other]
  const value = (v: number) => results[v]!.measures[options.by][place]!.toFixed(3)
  return Promise.all(
    shown.map(async (v, i) => ({
      heading: i === 0 ? `${name}: ${queries[place]}` : `${queries[place]}, ${results[v]!.variant.name}`,
      note: `${results[v]!.variant.name}: ${MEASURE_NAMES[options.by]} ${value(v)}. ${formatQuantity(relevant[place]!, 'relevant photo')}.`,
      cards: await cardsOf(results[v]!.pages[place]!, relevance, results[v]!.variant.model, search, store),
    })),
  )
}

/** Pictures are those of stored copies only, so that the page loads nothing. */
async function cardsOf(
  ids: readonly string[],
  relevance: Relevance,
  model: Parameters<PhotoSearch['photos']>[0],
  search: PhotoSearch,
  store: ObjectStore,
): Promise<PhotoCard[]> {
  const found = await search.photos(model, ids)
  return Promise.all(
    found.map(async ({ photo, storedKey }) => {
      const card = await photoCard(photo, storedKey, store)
      return {
        ...card,
        image: card.image?.startsWith('data:') ? card.image : null,
        mark: relevance.has(photo.photo_id) ? 'relevant' : undefined,
      }
    }),
  )
}
