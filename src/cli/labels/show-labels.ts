import { AppError } from '../../domain/errors.js'
import { type LabelSet, originOf } from '../../domain/labels.js'
import type { ModelIdentity } from '../../domain/model.js'
import type { ObjectStore } from '../../domain/ports/object-store.js'
import type { LabelSample } from '../../domain/ports/repository.js'
import { hasTextTower } from '../../domain/text-tower.js'
import type { LabelReport, PhotoSearch } from '../../search/photo-search.js'
import type { SearchModel } from '../../search/search-model.js'
import type { Context } from '../context.js'
import { openSearchWithModel } from '../open-search.js'
import { writeCsv } from '../print/csv.js'
import { photoCard } from '../print/hit-lines.js'
import { bars, formatScore, table } from '../print/output.js'
import { checkOutputFiles, writeOutputFile } from '../print/output-file.js'
import { LABEL_COLUMNS, labelRows } from '../print/photo-csv.js'
import { type PhotoCard, renderPhotoPage } from '../print/photo-page.js'
import { filePath, placeLine } from '../print/photo-place.js'
import { withSmallPictures } from '../print/small-pictures.js'
import { describeUnknownWords } from './unknown-words.js'

export interface ShowLabelsOptions {
  sample?: number
  seed: number
  html?: string
  csv?: string
}

/** The `labels show` command. @param name label set; undefined lists all label sets. @returns exit code */
export async function showLabels(
  context: Context,
  name: string | undefined,
  options: ShowLabelsOptions,
): Promise<number> {
  const { out } = context
  if (name === undefined) refuseOptionsOfSets(options)
  await checkOutputFiles({ '--html': options.html, '--csv': options.csv })
  const { search, model } = await openSearchWithModel(context)
  if (name === undefined) return listSets(context, search, model)
  const size = options.sample ?? (options.html ? 4 : 0)
  const report = await search.labels(model, name, { size, seed: options.seed })
  const unknown = describeUnknownWords(model.key, report.equal)
  if (unknown !== null) out.note(unknown)
  const sampled = report.sample.map(({ photoId }) => photoId)
  printReport(context, report, await search.addresses(sampled))
  if (options.csv) {
    await writeCsv(options.csv, LABEL_COLUMNS, labelRows(search.labelledPhotos(model, name)))
    out.note(`Wrote ${options.csv}`)
  }
  if (options.html) {
    const cards = await sampleCards(search, model, report.sample, await context.app.store())
    await writeOutputFile(options.html, await renderPage(model, report, cards))
    out.note(`Wrote ${options.html}`)
  }
  return 0
}

/** @throws AppError USAGE for an option that needs the name of a set */
function refuseOptionsOfSets({ sample, html, csv }: ShowLabelsOptions): void {
  for (const [option, value] of Object.entries({ '--sample': sample, '--html': html, '--csv': csv }))
    if (value !== undefined)
      throw new AppError(
        'USAGE',
        `${option} expects the name of a label set, found none. To list the sets: unsplash-clip labels show`,
      )
}

async function listSets({ out }: Context, search: PhotoSearch, model: SearchModel): Promise<number> {
  const sets = await search.labelSets(model)
  for (const set of sets) out.result(set, `${set.name}: ${originOf(set)}: ${set.labels.join(', ')}`)
  if (sets.length === 0)
    out.text(
      model.spec === null || hasTextTower(model.spec)
        ? 'No label set is predicted yet. Predict one: unsplash-clip labels predict taken_time'
        : `${model.key} embeds only images and predicts no labels.`,
    )
  return 0
}

/** @param addresses page or image URL of each sampled photo */
function printReport(
  { out }: Context,
  { set, counts, sample }: LabelReport,
  addresses: ReadonlyMap<string, string>,
): void {
  if (out.json) {
    for (const { label, photos } of counts) out.result({ set: set.name, label, photos }, '')
    for (const { photoId, label, score } of sample) {
      const url = addresses.get(photoId)
      const path = filePath(url ?? '')
      out.result({ set: set.name, label, photo_id: photoId, score, url, ...(path === null ? {} : { path }) }, '')
    }
    return
  }
  out.text(`${set.name}: ${originOf(set)}\n\n${bars(counts.map(asBar))}`)
  if (sample.length === 0) return
  const rows = sample.map(({ label, photoId, score }) => [
    label,
    photoId,
    formatScore(score),
    placeLine(addresses.get(photoId) ?? ''),
  ])
  out.text(`\n${table(['label', 'photo', 'score', 'where'], rows)}`)
}

const asBar = ({ label, photos }: { label: string; photos: number }) => ({ label, count: photos })

async function renderPage(
  { key, identity }: SearchModel,
  { set, counts }: LabelReport,
  cards: readonly PhotoCard[],
): Promise<string> {
  const sections = counts.map(({ label }) => ({
    heading: label,
    cards: cards.filter(card => card.labels[0]?.label === label),
  }))
  return renderPhotoPage({
    title: set.name,
    intro: introOf(key, set, identity),
    sections: await withSmallPictures([{ heading: 'Histogram', bars: counts.map(asBar) }, ...sections]),
  })
}

function introOf(key: string, set: LabelSet, identity: ModelIdentity): string {
  if (set.training ?? set.clustering)
    return `Labels from vectors of ${key}, ${originOf(set)}, and random photos of each.`
  return `Labels predicted zero-shot by ${key} with the prompts “${set.template}”, and random photos of each.${scoringNote(identity)}`
}

/** Explains sigmoid scores: readers expect shares of a softmax. */
function scoringNote({ scoring }: ModelIdentity): string {
  if (scoring === 'softmax') return ''
  return ' Each score rates its prompt separately: scores do not add up to 100 %, and small scores are usual.'
}

/** Returns cards of sampled photos. Each card shows only the label of its sample. */
export async function sampleCards(
  search: PhotoSearch,
  model: SearchModel,
  sample: readonly LabelSample[],
  store: ObjectStore,
): Promise<PhotoCard[]> {
  const labelOf = new Map(sample.map(({ photoId, label, score }) => [photoId, { set: '', label, score }]))
  const photos = await search.photos(model, [...labelOf.keys()])
  const cards = photos.map(async ({ photo, storedKey }) => ({
    ...(await photoCard(photo, storedKey, store)),
    labels: [labelOf.get(photo.photo_id)!],
  }))
  return Promise.all(cards)
}
