import { writeFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { modelKey } from '../../domain/model.js'
import type { DuplicateGroup, DuplicateOptions, DuplicatePair } from '../../domain/ports/duplicates.js'
import type { ModelId } from '../../domain/ports/repository.js'
import { type PhotoSection, renderPhotoPage } from '../../http/photo-page.js'
import { realNumber, wholeNumber } from '../arguments.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { type CsvValue, writeCsv } from '../csv.js'
import { addFilterOptions, type FilterOptions, filtersOf } from '../filter-options.js'
import { photoCard } from '../hits.js'
import { formatCount } from '../output.js'
import { Progress } from '../progress.js'
import { modelToSearch } from '../search-model.js'

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
    .description('Find photos that look the same to the model: pairs by threshold, or groups that pairs connect.')
    .option('--threshold <score>', 'least cosine similarity of a pair', realNumber(0, 1), 0.95)
    .option('--groups', 'show groups, each with the photo that stands for it')
    .option('-k, --count <n>', 'how many pairs or groups are shown; a table has all', wholeNumber(1, 100_000), 100)
    .addOption(
      new Option('--method <name>', 'compare all with all, or ask the index for image queries').choices([
        'exact',
        'index',
      ]),
    )
    .option('--neighbours <n>', 'with an index: pairs found from one photo at most', wholeNumber(1, 1000), 20)
  addFilterOptions(command)
  command
    .option('--model <name>', 'model whose embeddings are compared')
    .option('--html <file>', 'write a page with the pictures side by side')
    .option('--csv <file>', 'write all pairs, or with --groups all photos of groups, as a table')
    .option('--json', 'print one JSON object a line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip duplicates --threshold 0.97
  unsplash-clip duplicates --groups --html duplicates.html --csv duplicates.csv

All are compared with all for up to 10,000 photos; beyond, the index is asked once a photo, and may miss a pair.
Exit codes: 0 done (also with no pair), 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.`,
    )
    .action(async (options: Options) => {
      process.exitCode = await runCommand(options, {}, context => showDuplicates(context, options))
    })
}

async function showDuplicates(context: Context, options: Options): Promise<number> {
  const { out } = context
  const { threshold, method, neighbours, count } = options
  const filters = await filtersOf(options)
  const model = await modelToSearch(context)
  const pairs = await findPairs(context, model.id, { ...filters, threshold, method, neighbours })
  const { duplicates } = await context.app.repositories()
  const groups = options.groups ? await duplicates.groups(model.id, pairs) : null

  for (const [i, group] of (groups ?? []).slice(0, count).entries())
    out.result(groupObject(group), groupLines(i + 1, group))
  if (!groups) for (const pair of pairs.slice(0, count)) out.result(pairObject(pair), pairLine(pair))
  const [found, what] = groups ? [groups.length, 'groups'] : [pairs.length, 'pairs']
  if (found === 0) out.text(`No two photos have a cosine similarity of ${threshold} or more.`)
  if (found > count) out.note(`${formatCount(found)} ${what}, ${formatCount(count)} of them shown. More: --count N`)

  if (options.csv) {
    if (groups) await writeCsv(options.csv, ['group', 'photo_id', 'representative_id', 'score'], groupRows(groups))
    else await writeCsv(options.csv, ['photo_id', 'other_id', 'score'], pairs.map(pairRow))
    out.note(`Wrote ${options.csv}`)
  }
  if (options.html) {
    const shown = groups ? groups.slice(0, count).map(ofGroup) : pairs.slice(0, count).map(ofPair)
    const page = renderPhotoPage({
      title: 'Near duplicates',
      intro: `${formatCount(found)} ${what} of photos with a cosine similarity of ${threshold} or more, found with ${modelKey(model.identity)}${found > count ? `; the first ${formatCount(count)} are shown` : ''}.`,
      sections: await Promise.all(shown.map(each => sectionOf(context, model.id, each))),
    })
    await writeFile(options.html, page)
    out.note(`Wrote ${options.html}`)
  }
  return 0
}

async function findPairs(
  { app, signal }: Context,
  modelId: ModelId,
  options: DuplicateOptions,
): Promise<DuplicatePair[]> {
  const { duplicates } = await app.repositories()
  const progress = new Progress('duplicates')
  const pairs: DuplicatePair[] = []
  try {
    const show = (done: number, total: number) => progress.update({ total, done, failed: 0 })
    for await (const pair of duplicates.pairs(modelId, options, show, signal)) pairs.push(pair)
  } finally {
    progress.end()
  }
  return pairs.sort((a, b) => b.score - a.score || before(a.photoId, b.photoId) || before(a.otherId, b.otherId))
}

const before = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const pairObject = ({ photoId, otherId, score }: DuplicatePair): object => ({
  photo_id: photoId,
  other_id: otherId,
  score,
})
const pairLine = ({ photoId, otherId, score }: DuplicatePair): string => `${score.toFixed(4)}  ${photoId}  ${otherId}`
const pairRow = ({ photoId, otherId, score }: DuplicatePair): CsvValue[] => [photoId, otherId, score]

const groupObject = ({ representativeId, members }: DuplicateGroup): object => ({
  representative_id: representativeId,
  photos: members.map(({ photoId, score }) => ({ photo_id: photoId, score })),
})

function groupLines(number: number, { members }: DuplicateGroup): string {
  const lines = members.map(({ photoId, score }) => `     ${score.toFixed(4)}  ${photoId}`)
  return [`${String(number).padStart(3)}  ${formatCount(members.length)} photos`, ...lines].join('\n')
}

function* groupRows(groups: readonly DuplicateGroup[]): Generator<CsvValue[]> {
  for (const [i, { representativeId, members }] of groups.entries())
    for (const { photoId, score } of members) yield [i + 1, photoId, representativeId, score]
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
  heading: `${formatCount(members.length)} photos`,
  photos: members,
})

async function sectionOf({ app }: Context, modelId: ModelId, { heading, photos }: SideBySide): Promise<PhotoSection> {
  const { search } = await app.repositories()
  const store = await app.store()
  const cards = photos.map(async ({ photoId, score }) => {
    const details = await search.photo(photoId)
    if (details === null) return null
    const storedKey = details.states.find(state => state.modelId === modelId)?.storedKey ?? null
    return { ...(await photoCard(details.photo, storedKey, store)), score }
  })
  return { heading, cards: (await Promise.all(cards)).filter(card => card !== null) }
}
