import { bestMethod, type MethodReport, type Mistake, mistakes } from '../../analysis/classify/evaluate.js'
import type { ObjectStore } from '../../domain/ports/object-store.js'
import type { PhotoSearch } from '../../search/photo-search.js'
import { photoCard } from '../print/hit-lines.js'
import { type PhotoCard, type PhotoSection, renderPhotoPage } from '../print/photo-page.js'
import { withSmallPictures } from '../print/small-pictures.js'
import type { Classification } from './classification.js'
import { introduction, leftOutLines, scoreHeader, scoreRow, thinFoldLines } from './classify-text.js'

/** Mistakes that are shown. */
const MOST_MISTAKES = 24

/** A page with the scores of all methods, and the matrix and the surest mistakes of the best one. */
export async function renderClassification(
  found: Classification,
  search: PhotoSearch,
  store: ObjectStore,
): Promise<string> {
  const { target, samples, evaluation, options } = found
  const best = bestMethod(evaluation.reports)
  const wrong = mistakes(samples, evaluation.split, best)
  const sections: PhotoSection[] = [
    {
      heading: 'Scores',
      note: `Trained with ${evaluation.split.train.length} photos, tested on ${evaluation.split.test.length} others. Seed ${options.seed}. ${thinFoldLines(found).join('')}`.trimEnd(),
      table: { header: scoreHeader(options.folds), rows: evaluation.reports.map(scoreRow) },
    },
    {
      heading: `Confusion matrix of ${best.method}`,
      note: 'Rows: actual class; columns: predicted class.',
      table: confusionTable(best, samples.classNames),
    },
    {
      heading: 'Surest mistakes',
      note: `${wrong.length} of ${evaluation.split.test.length} photos got another class than their own. Those that ${best.method} was surest of come first.`,
      cards: await mistakeCards(found, wrong.slice(0, MOST_MISTAKES), search, store),
    },
  ]
  return renderPhotoPage({
    title: `Classification by ${target.name}`,
    intro: [introduction(found), ...leftOutLines(found)].join(' '),
    sections: await withSmallPictures(sections),
  })
}

function confusionTable({ test }: MethodReport, names: readonly string[]): PhotoSection['table'] {
  return { header: ['', ...names], rows: test.confusion.map((row, k) => [names[k]!, ...row.map(String)]) }
}

/** Pictures are those of stored copies only, so that the page loads nothing. */
async function mistakeCards(
  { samples, models }: Classification,
  wrong: readonly Mistake[],
  search: PhotoSearch,
  store: ObjectStore,
): Promise<PhotoCard[]> {
  const ids = wrong.map(({ place }) => samples.ids[place]!)
  const found = new Map((await search.photos(models[0]!, ids)).map(each => [each.photo.photo_id, each]))
  const cards = wrong.map(async ({ place, predicted, probability, truthProbability }, i) => {
    const hit = found.get(ids[i]!)
    if (hit === undefined) return []
    const card = await photoCard(hit.photo, hit.storedKey, store)
    const label = (k: number) => samples.classNames[k]!
    const labels = [
      { set: 'predicted', label: `predicted: ${label(predicted)}`, score: probability },
      { set: 'actual', label: `actual: ${label(samples.classes[place]!)}`, score: truthProbability },
    ]
    return [{ ...card, image: card.image?.startsWith('data:') ? card.image : null, labels }]
  })
  return (await Promise.all(cards)).flat()
}
