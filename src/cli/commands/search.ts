import type { Command } from 'commander'
import { AppError } from '../../domain/errors.js'
import { parquetRow } from '../../domain/places/parquet-row.js'
import { videoFrame } from '../../domain/places/video-frame.js'
import type { Facet } from '../../domain/ports/facets.js'
import type { HybridHit } from '../../domain/ports/hybrid.js'
import type { Hit, SearchOptions } from '../../domain/ports/search.js'
import { formatQuantity } from '../../domain/text/format.js'
import { cursorOf, parseCursor } from '../../search/page-cursor.js'
import type { PhotoSearch } from '../../search/photo-search.js'
import { WORDS_BESIDE_PHOTOS } from '../../search/query.js'
import type { QueryImage } from '../../search/query-image.js'
import type { SearchModel } from '../../search/search-model.js'
import type { Relevance } from '../../search/shown-words.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { openSearchWithModel } from '../open-search.js'
import { collect, realNumber, wholeNumber } from '../options/arguments.js'
import { addFilterOptions, type FilterOptions, filtersOf } from '../options/filter-options.js'
import { readImage } from '../options/image-argument.js'
import { chooseQuery, loadQuery, type QueryOptions, type WantedQuery, wordsOf } from '../options/query-options.js'
import { conceptObject, conceptText } from '../print/concept-text.js'
import { writeCsv } from '../print/csv.js'
import { facetCounts, facetObjects, facetText } from '../print/facet-text.js'
import { hitCard, hitLine } from '../print/hit-lines.js'
import { checkOutputFiles, writeOutputFile } from '../print/output-file.js'
import { hitColumns, hitRows } from '../print/photo-csv.js'
import { renderPhotoPage } from '../print/photo-page.js'
import { filePath } from '../print/photo-place.js'
import { answerLines } from '../print/search-lines.js'
import { queryPicture, withSmallPictures } from '../print/small-pictures.js'

interface Options extends CommonOptions, QueryOptions, FilterOptions {
  count: number
  offset: number
  after?: string
  minScore?: number
  relevant?: boolean
  concepts?: boolean
  hybrid?: boolean
  textWeight?: number
  vectorWeight?: number
  correctionWeight?: number
  facets?: string
  interactive?: boolean
  html?: string
  csv?: string
  allowHost?: string[]
}

export function addSearchCommand(program: Command): void {
  const command = program
    .command('search')
    .description('Find photos by meaning: by words, an image, an embedded photo, or a combination.')
    .argument('[text]', 'words to search for')
    .option('--image <file|url>', 'find photos like this image')
    .option('--photo <id>', 'find photos like this embedded photo')
    .option('--like <id[:weight]>', 'combine: like this embedded photo; repeatable', collect)
    .option('--plus <words[:weight]>', 'combine: like these words; repeatable', collect)
    .option('--minus <words[:weight]>', 'combine: unlike these words; repeatable', collect)
    .option('--hybrid', 'also match the words themselves, in descriptions, places and keywords')
    .option('--text-weight <n>', 'with --hybrid: weight of the words themselves', realNumber(0, 1000))
    .option('--vector-weight <n>', 'with --hybrid: weight of the meaning', realNumber(0, 1000))
    .option(
      '--correction-weight <n>',
      'of words: correct the order for photos that come up in every search, 0 not at all (default: see models correct)',
      realNumber(0, 2),
    )
    .option('--facets <names>', 'also show histograms of the hits: label sets, country, year, … (see facets --help)')
    .option(
      '--concepts',
      'also show words that the hits share and the collection does not, to search for more or less of',
    )
    .option('--interactive', 'answer one query per line of stdin; the model stays loaded')
    .option('-k, --count <n>', 'number of hits', wholeNumber(1, 10_000), 10)
    .option('--offset <n>', 'skip the first n', wholeNumber(0, 1_000_000), 0)
    .option('--after <score,id>', 'continue after this hit, as printed below the previous page')
    .option('--min-score <score>', 'minimum cosine similarity', realNumber(-1, 1))
    .option('--relevant', 'only photos that show what the words say; see below')
  addFilterOptions(command)
  command
    .option('--model <name>', 'model of the embeddings')
    .option('--html <file>', 'write a page with the pictures')
    .option('--csv <file>', 'write the photos with scores, labels and metadata as a table')
    .option(
      '--allow-host <host[:port]>',
      'with --image URL: host to allow although its address is private; repeatable',
      collect,
    )
    .option('--json', 'print one JSON object per line')
    .showHelpAfterError(
      '(several words go in quotes: "dog in the snow"; -k sets the number of photos; see also --help)',
    )
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip search "dog in the snow" -k 20 --label taken_time=night --html hits.html
  unsplash-clip search --photo iflUHY8zMYc --where "exif_iso>=800" --where photo_location_country=Norway
  unsplash-clip search --like iflUHY8zMYc --plus "at night" --minus people:2
  unsplash-clip search "golden gate bridge" --hybrid --text-weight 2 --facets country,year
  unsplash-clip search "a lighthouse" --relevant --concepts -k 100
  unsplash-clip search --interactive --json < queries.txt

A combination scales every part to unit length and weights it. The default weight is 1, or ${WORDS_BESIDE_PHOTOS} for words next to
photos, because the similarities of words vary less. The words become stored prompts; see unsplash-clip prompts.
--relevant ends the list where photos are no more similar to the words than to other texts: the cut-off is learned once
per model and collection, and is the same for all searches. Of several words a photo must show each.
Scores are cosine similarities, also where the order is corrected. With --hybrid, a score is the sum of weight / (60 + rank)
over both lists.
Image-only models support --image and --photo, but not words.
Exit codes: 0 done (also with no hit), 1 failed, 2 wrong usage.`,
    )
    .action(async (text: string | undefined, options: Options) => {
      const overrides = { ALLOW_HOSTS: options.allowHost?.join(',') }
      process.exitCode = await runCommand(options, overrides, context => search(context, text, options))
    })
}

async function search(context: Context, text: string | undefined, options: Options): Promise<number> {
  if (options.interactive) return searchLines(context, text, options)
  await checkOutputFiles({ '--html': options.html, '--csv': options.csv })
  const query = chooseQuery(text, options)
  checkHybrid(query, options)
  const wanted = await searchOptions(options)
  const asked = await openSearchWithModel(context)
  const { hits, facets, images } = await answer(context, asked, query, wanted, options)
  if (options.csv) {
    await writeCsv(options.csv, hitColumns(hits), hitRows(hits, options.offset))
    context.out.note(`Wrote ${options.csv}`)
  }
  if (options.html) await writePage(context, options.html, { title: query.title, asked, hits, facets, images }, options)
  return 0
}

/** Answers one query per line with the same options. */
async function searchLines(context: Context, text: string | undefined, options: Options): Promise<number> {
  for (const [name, given] of Object.entries({
    words: text,
    '--html': options.html,
    '--csv': options.csv,
    '--photo': options.photo,
    '--image': options.image,
    '--after': options.after,
  }))
    if (given !== undefined)
      throw new AppError('USAGE', `--interactive reads its queries from stdin; found ${name}, too`)
  const wanted = await searchOptions(options)
  const asked = await openSearchWithModel(context)
  return answerLines(context, async line => {
    const query = chooseQuery(line, options)
    checkHybrid(query, options)
    context.out.text(`${query.title}:`)
    await answer(context, asked, query, wanted, options, line)
  })
}

/** @throws AppError USAGE for options that do not go with --hybrid, or only with it */
function checkHybrid(query: WantedQuery, { hybrid, textWeight, vectorWeight, after }: Options): void {
  if (!hybrid && (textWeight ?? vectorWeight) !== undefined)
    throw new AppError('USAGE', '--text-weight and --vector-weight need --hybrid; add it, or leave them out')
  if (!hybrid) return
  if (query.kind !== 'text') throw new AppError('USAGE', `--hybrid expects words to search for, found ${query.title}`)
  if (after !== undefined) throw new AppError('USAGE', '--hybrid pages with --offset, found --after')
}

async function searchOptions(options: Options): Promise<SearchOptions & Relevance> {
  const { count, offset, minScore, after, correctionWeight, relevant } = options
  return {
    k: count,
    offset,
    minScore,
    correctionWeight,
    relevant,
    after: after === undefined ? undefined : parseCursor(after, '--after'),
    ...(await filtersOf(options)),
  }
}

/** The order of hits that were found in a corrected order. */
const CORRECTED_ORDER =
  'score less a correction for photos that come up in every search (see models correct); scores are cosine similarities'
/** Words that the hits share, at most. */
const MOST_CONCEPTS = 12

const HYBRID_ORDER =
  'meaning and words together: a score is the sum of weight / (60 + rank) over both lists, no cosine similarity'

interface Asked {
  search: PhotoSearch
  model: SearchModel
}

interface Answer {
  hits: Hit[]
  facets: Facet[]
  /** Of the query. */
  images: QueryImage[]
}

/** Searches and prints the hits. @param line the line of stdin, in interactive mode */
async function answer(
  context: Context,
  asked: Asked,
  query: WantedQuery,
  wanted: SearchOptions & Relevance,
  options: Options,
  line?: string,
): Promise<Answer> {
  const { out } = context
  const images: QueryImage[] = []
  const hits = await findHits(context, asked, query, wanted, { ...options, onImage: image => images.push(image) })
  const { k, offset = 0 } = wanted
  hits.forEach((hit, index) => {
    const rank = offset + index + 1
    out.result({ ...(line === undefined ? {} : { query: line }), ...hitObject(rank, hit) }, hitLine(rank, hit))
  })
  if (isCorrected(hits)) out.text(`${options.hybrid ? 'By meaning, ordered' : 'Ordered'} by ${CORRECTED_ORDER}.`)
  if (hits.length === k)
    out.text(`More: ${options.hybrid ? `--offset ${offset + k}` : `--after ${cursorOf(hits.at(-1)!)}`}`)
  const end = hits.length === k ? '' : endOfList(hits.length, wanted)
  if (end !== '') out.text(end)
  if (options.concepts && hits.length > 0) await printConcepts(context, asked, query, hits)
  const hasFacets = options.facets !== undefined && hits.length > 0
  return { hits, images, facets: hasFacets ? await printFacets(context, asked, hits, options.facets!) : [] }
}

const isCorrected = (hits: readonly Hit[]): boolean => hits.some(hit => hit.correction !== null)

async function findHits(
  context: Context,
  { search, model }: Asked,
  query: WantedQuery,
  wanted: SearchOptions & Relevance,
  { hybrid, textWeight, vectorWeight, onImage }: Options & { onImage: (image: QueryImage) => void },
): Promise<(Hit | HybridHit)[]> {
  const { signal } = context
  if (hybrid && query.kind === 'text')
    return search.hybrid(model, query.value, { ...wanted, textWeight, vectorWeight }, signal)
  const read = async (file: string) => {
    const image = await readImage(context, file)
    onImage(image)
    return image
  }
  return search.nearest(model, await loadQuery(query, read), wanted, signal)
}

/** What is said where the list ends. @param found photos on this page, fewer than wanted */
function endOfList(
  found: number,
  { offset = 0, after, relevant, minScore, labels = [], where = [] }: SearchOptions & Relevance,
): string {
  const before = offset > 0 || after !== undefined
  if (!relevant) return found === 0 ? 'No photo matches.' : ''
  if (found === 0) {
    if (before) return 'No further photo shows this.'
    return minScore === undefined && labels.length + where.length === 0
      ? 'No photo shows this. Leave out --relevant to see the nearest ones.'
      : 'No photo that meets the conditions shows this. Leave out --relevant, or a condition.'
  }
  const photos = formatQuantity(found, before ? 'more photo' : 'photo')
  return `${photos} ${found === 1 ? 'shows' : 'show'} this; the rest does not.`
}

/** Prints the words that the hits share. */
async function printConcepts(
  { out, signal }: Context,
  { search, model }: Asked,
  query: WantedQuery,
  hits: readonly Hit[],
): Promise<void> {
  const where = [{ photos: hits.map(hit => hit.photoId) }]
  const request = { where, n: hits.length, top: MOST_CONCEPTS, omitted: wordsOf(query) }
  const concepts = await search.counts.sharedWords(model, request, signal)
  if (out.json) for (const concept of concepts) out.result(conceptObject(concept), '')
  else if (concepts.length > 0) out.text(`\nThese hits share\n\n${conceptText(concepts)}`)
  else out.text('\nThese hits share no words that the collection does not have as often.')
}

async function printFacets(
  { out, signal }: Context,
  { search, model }: Asked,
  hits: readonly Hit[],
  list: string,
): Promise<Facet[]> {
  const names = list.split(',').map(name => name.trim())
  const found = await search.counts.facets(model, { names, where: [{ photos: hits.map(hit => hit.photoId) }] }, signal)
  if (out.json) for (const object of found.flatMap(facetObjects)) out.result(object, '')
  else out.text(`\n${facetText(found)}`)
  return found
}

function hitObject(rank: number, hit: Hit | HybridHit): object {
  const path = filePath(hit.photo.photo_image_url)
  return {
    rank,
    photo_id: hit.photoId,
    score: hit.score,
    ...(hit.correction === null ? {} : { correction: hit.correction }),
    ...('vectorRank' in hit
      ? {
          vector_rank: hit.vectorRank,
          vector_score: hit.vectorScore,
          text_rank: hit.textRank,
          text_score: hit.textScore,
        }
      : { cursor: cursorOf(hit) }),
    labels: hit.labels,
    stored_key: hit.storedKey,
    ...(path === null
      ? {}
      : {
          path,
          second: videoFrame(hit.photo.photo_image_url)?.second,
          row: parquetRow(hit.photo.photo_image_url)?.row,
        }),
    photo: hit.photo,
  }
}

async function writePage(
  context: Context,
  path: string,
  { title, asked, hits, facets, images }: Answer & { title: string; asked: Asked },
  { hybrid }: Options,
): Promise<void> {
  const { app } = context
  const store = await app.store()
  const { MAX_IMAGE_PIXELS: maxPixels } = app.config
  const pictures = await Promise.all(images.map(({ bytes }) => queryPicture(bytes, maxPixels)))
  const page = renderPhotoPage({
    title,
    intro: `${formatQuantity(hits.length, 'photo')} by ${orderOf(hits, hybrid)}, found with ${asked.model.key}.`,
    sections: await withSmallPictures([
      ...(pictures.length > 0 ? [{ heading: 'Query', pictures }] : []),
      { heading: 'Photos', cards: await Promise.all(hits.map(hit => hitCard(hit, store))) },
      ...facets.map(facet => ({ heading: facet.name, bars: facetCounts(facet) })),
    ]),
  })
  await writeOutputFile(path, page)
  context.out.note(`Wrote ${path}`)
}

function orderOf(hits: readonly Hit[], hybrid = false): string {
  if (hybrid)
    return isCorrected(hits) ? `${HYBRID_ORDER}; the list by meaning is ordered by ${CORRECTED_ORDER}` : HYBRID_ORDER
  return isCorrected(hits) ? CORRECTED_ORDER : 'falling cosine similarity'
}
