import { type Command, Option } from 'commander'
import type { DuplicateGroup, DuplicateOptions, DuplicatePair } from '../../domain/ports/duplicates.js'
import type { ObjectStore } from '../../domain/ports/object-store.js'
import type { CsvValue } from '../../domain/text/csv.js'
import { formatCount, formatQuantity } from '../../domain/text/format.js'
import type { PhotoSearch } from '../../search/photo-search.js'
import type { SearchModel } from '../../search/search-model.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { openSearchWithModel } from '../open-search.js'
import { realNumber, wholeNumber } from '../options/arguments.js'
import { addFilterOptions, type FilterOptions, filtersOf } from '../options/filter-options.js'
import { writeCsv } from '../print/csv.js'
import { photoCard } from '../print/hit-lines.js'
import { checkOutputFiles, writeOutputFile } from '../print/output-file.js'
import { type PhotoSection, renderPhotoPage } from '../print/photo-page.js'
import { filePath, placeLine } from '../print/photo-place.js'
import { Progress } from '../print/progress.js'
import { withSmallPictures } from '../print/small-pictures.js'

interface Options extends CommonOptions, FilterOptions {
  threshold: number
  groups?: boolean
  count: number
  method?: DuplicateOptions['method']
  neighbours: number
  html?: string
  csv?: string
}

export function addDuplicatesCommand(program: Command): void {
  const command = program
    .command('duplicates')
    .description('Find near duplicates: pairs of photos above a similarity threshold, or groups of connected pairs.')
    .option('--threshold <score>', 'minimum cosine similarity of a pair', realNumber(0, 1), 0.95)
    .option('--groups', 'show groups, each with a representative photo')
    .option('-k, --count <n>', 'pairs or groups to show; --csv writes all', wholeNumber(1, 100_000), 100)
    .addOption(
      new Option('--method <name>', 'exact: compare all pairs; index: use the index for image queries').choices([
        'exact',
        'index',
      ]),
    )
    .option('--neighbours <n>', 'with an index: maximum pairs per photo', wholeNumber(1, 1000), 20)
  addFilterOptions(command)
  command
    .option('--model <name>', 'model of the embeddings')
    .option('--html <file>', 'write a page with the pictures side by side')
    .option('--csv <file>', 'write all pairs, or with --groups all grouped photos, as a table')
    .option('--json', 'print one JSON object per line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip duplicates --threshold 0.97
  unsplash-clip duplicates --groups --html duplicates.html --csv duplicates.csv

Up to 10,000 photos, all pairs are compared. Above that, one index search per photo finds pairs and may miss some.
Exit codes: 0 done (also with no pair), 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.`,
    )
    .action(async (options: Options) => {
      process.exitCode = await runCommand(options, {}, context => showDuplicates(context, options))
    })
}

async function showDuplicates(context: Context, options: Options): Promise<number> {
  const { out, signal } = context
  const { threshold, method, neighbours, count } = options
  await checkOutputFiles({ '--html': options.html, '--csv': options.csv })
  const filters = await filtersOf(options)
  const { search, model } = await openSearchWithModel(context)
  const pairs = await withProgress(onProgress =>
    search.duplicates(model, { ...filters, threshold, method, neighbours }, onProgress, signal),
  )
  const groups = options.groups ? await search.duplicateGroups(model, pairs) : null

  const ids = idsOf(groups ?? pairs, options.csv === undefined ? count : Number.POSITIVE_INFINITY)
  const addresses = await search.addresses(ids)
  for (const [i, group] of (groups ?? []).slice(0, count).entries())
    out.result(groupObject(group, addresses), groupLines(i + 1, group, addresses))
  if (!groups)
    for (const pair of pairs.slice(0, count)) out.result(pairObject(pair, addresses), pairLines(pair, addresses))
  const [found, what] = groups ? [groups.length, 'groups'] : [pairs.length, 'pairs']
  if (found === 0) out.text(`No two photos have a cosine similarity of ${threshold} or more.`)
  if (found > count)
    out.note(`${formatCount(found)} ${what}, ${formatCount(count)} of them shown. Show more: --count N`)

  if (options.csv) {
    if (groups) await writeCsv(options.csv, GROUP_COLUMNS, groupRows(groups, addresses))
    else await writeCsv(options.csv, PAIR_COLUMNS, pairRows(pairs, addresses))
    out.note(`Wrote ${options.csv}`)
  }
  if (options.html) {
    const shown = groups ? groups.slice(0, count).map(ofGroup) : pairs.slice(0, count).map(ofPair)
    const store = await context.app.store()
    const page = renderPhotoPage({
      title: 'Near duplicates',
      intro: `${formatCount(found)} ${what} of photos with a cosine similarity of ${threshold} or more, found with ${model.key}${found > count ? `; the first ${formatCount(count)} are shown` : ''}.`,
      sections: await withSmallPictures(await Promise.all(shown.map(each => sectionOf(search, model, each, store)))),
    })
    await writeOutputFile(options.html, page)
    out.note(`Wrote ${options.html}`)
  }
  return 0
}

async function withProgress<T>(work: (onProgress: (done: number, total: number) => void) => Promise<T>): Promise<T> {
  const progress = new Progress('duplicates')
  try {
    return await work((done, total) => progress.update({ total, done, failed: 0 }))
  } finally {
    progress.end()
  }
}

/** Page or image URL of each photo. */
type Addresses = ReadonlyMap<string, string>

function idsOf(found: readonly (DuplicatePair | DuplicateGroup)[], count: number): string[] {
  const ids = found
    .slice(0, count)
    .flatMap(each => ('members' in each ? each.members.map(({ photoId }) => photoId) : [each.photoId, each.otherId]))
  return [...new Set(ids)]
}

const pairObject = ({ photoId, otherId, score }: DuplicatePair, addresses: Addresses): object => ({
  photo_id: photoId,
  other_id: otherId,
  score,
  url: addresses.get(photoId),
  other_url: addresses.get(otherId),
  ...pathOf('path', photoId, addresses),
  ...pathOf('other_path', otherId, addresses),
})

/** Of an own photo: its file. */
function pathOf(name: string, photoId: string, addresses: Addresses): Record<string, string> {
  const path = filePath(addresses.get(photoId) ?? '')
  return path === null ? {} : { [name]: path }
}

function pairLines({ photoId, otherId, score }: DuplicatePair, addresses: Addresses): string {
  const urls = [photoId, otherId].map(id => `        ${placeLine(addresses.get(id) ?? '')}`)
  return [`${score.toFixed(4)}  ${photoId}  ${otherId}`, ...urls].join('\n')
}

const PAIR_COLUMNS = ['photo_id', 'other_id', 'score', 'url', 'other_url', 'path', 'other_path']

function* pairRows(pairs: readonly DuplicatePair[], addresses: Addresses): Generator<CsvValue[]> {
  for (const { photoId, otherId, score } of pairs) {
    const urls = [photoId, otherId].map(id => addresses.get(id) ?? '')
    yield [{ id: photoId }, { id: otherId }, score, ...urls, ...urls.map(filePath)]
  }
}

const groupObject = ({ representativeId, members }: DuplicateGroup, addresses: Addresses): object => ({
  representative_id: representativeId,
  photos: members.map(({ photoId, score }) => ({
    photo_id: photoId,
    score,
    url: addresses.get(photoId),
    ...pathOf('path', photoId, addresses),
  })),
})

function groupLines(number: number, { members }: DuplicateGroup, addresses: Addresses): string {
  const lines = members.map(
    ({ photoId, score }) => `     ${score.toFixed(4)}  ${photoId}  ${placeLine(addresses.get(photoId) ?? '')}`,
  )
  return [`${String(number).padStart(3)}  ${formatQuantity(members.length, 'photo')}`, ...lines].join('\n')
}

const GROUP_COLUMNS = ['group', 'photo_id', 'representative_id', 'score', 'url', 'path']

function* groupRows(groups: readonly DuplicateGroup[], addresses: Addresses): Generator<CsvValue[]> {
  for (const [i, { representativeId, members }] of groups.entries())
    for (const { photoId, score } of members) {
      const url = addresses.get(photoId) ?? ''
      yield [i + 1, { id: photoId }, { id: representativeId }, score, url, filePath(url)]
    }
}

interface SideBySide {
  heading: string
  photos: { photoId: string; score?: number }[]
}

const ofPair = ({ photoId, otherId, score }: DuplicatePair): SideBySide => ({
  heading: `Cosine similarity ${score.toFixed(4)}`,
  photos: [{ photoId }, { photoId: otherId }],
})
const ofGroup = ({ members }: DuplicateGroup): SideBySide => ({
  heading: `${formatQuantity(members.length, 'photo')}`,
  photos: members,
})

async function sectionOf(
  search: PhotoSearch,
  model: SearchModel,
  { heading, photos }: SideBySide,
  store: ObjectStore,
): Promise<PhotoSection> {
  const scoreOf = new Map(photos.map(({ photoId, score }) => [photoId, score]))
  const found = await search.photos(model, [...scoreOf.keys()])
  const cards = found.map(async ({ photo, storedKey }) => ({
    ...(await photoCard(photo, storedKey, store)),
    score: scoreOf.get(photo.photo_id),
  }))
  return { heading, cards: await Promise.all(cards) }
}
