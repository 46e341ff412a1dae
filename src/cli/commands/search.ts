import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { AppError } from '../../domain/errors.js'
import { modelKey } from '../../domain/model.js'
import type { HybridHit } from '../../domain/ports/hybrid.js'
import type { Hit, SearchOptions } from '../../domain/ports/search.js'
import { renderPhotoPage } from '../../http/photo-page.js'
import { collect, realNumber, wholeNumber } from '../arguments.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { writeCsv } from '../csv.js'
import { facetObjects, facetText } from '../facet-text.js'
import { addFilterOptions, type FilterOptions, filtersOf } from '../filter-options.js'
import { hitCard, hitLine } from '../hits.js'
import { hitColumns, hitRows } from '../photo-csv.js'
import { findHits, findHybridHits, type Model } from '../search-hits.js'
import { answerLines } from '../search-lines.js'
import { modelToSearch } from '../search-model.js'
import { cursorOf, parseCursor } from '../search-page.js'
import { chooseQuery, type Query, type QueryOptions, WORDS_BESIDE_PHOTOS } from '../search-query.js'

interface Options extends CommonOptions, QueryOptions, FilterOptions {
  count: number
  offset: number
  after?: string
  minScore?: number
  hybrid?: boolean
  textWeight?: number
  vectorWeight?: number
  facets?: string
  interactive?: boolean
  html?: string
  csv?: string
  allowHost?: string[]
}

export function addSearchCommand(program: Command): void {
  const command = program
    .command('search')
    .description('Find photos by meaning: from words, from an image, from a photo of the collection, or from several.')
    .argument('[text]', 'what to look for, in words')
    .option('--image <file|url>', 'find photos like this image')
    .option('--photo <id>', 'find photos like this one of the collection')
    .option('--like <id[:weight]>', 'combine: like this photo of the collection; repeatable', collect)
    .option('--plus <words[:weight]>', 'combine: and like these words; repeatable', collect)
    .option('--minus <words[:weight]>', 'combine: but not like these words; repeatable', collect)
    .option('--hybrid', 'look also for the words themselves, in descriptions, places and keywords')
    .option('--text-weight <n>', 'with --hybrid: how much the words themselves count', realNumber(0, 1000))
    .option('--vector-weight <n>', 'with --hybrid: how much the meaning counts', realNumber(0, 1000))
    .option(
      '--facets <names>',
      'also count what the hits have in common: label sets, country, year, … (see facets --help)',
    )
    .option('--interactive', 'answer one query a line of stdin; the model stays loaded')
    .option('-k, --count <n>', 'how many', wholeNumber(1, 10_000), 10)
    .option('--offset <n>', 'skip the first n', wholeNumber(0, 1_000_000), 0)
    .option('--after <score,id>', 'go on after this hit, as the page before says')
    .option('--min-score <score>', 'leave out what is less similar', realNumber(-1, 1))
  addFilterOptions(command)
  command
    .option('--model <name>', 'model whose embeddings are searched')
    .option('--html <file>', 'write a page with the pictures')
    .option('--csv <file>', 'write the photos with scores, labels and metadata as a table')
    .option(
      '--allow-host <host[:port]>',
      'with --image URL: may be reached although its address is private; repeatable',
      collect,
    )
    .option('--json', 'print one JSON object a line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip search "dog in the snow" -k 20 --label taken_time=night --html hits.html
  unsplash-clip search --photo iflUHY8zMYc --where "exif_iso>=800" --where photo_location_country=Norway
  unsplash-clip search --like iflUHY8zMYc --plus "at night" --minus people:2
  unsplash-clip search "golden gate bridge" --hybrid --text-weight 2 --facets country,year
  unsplash-clip search --interactive --json < queries.txt

In a combination every part has the same length before it is weighted; the weight is 1, and ${WORDS_BESIDE_PHOTOS} of words beside a photo,
whose similarities differ less. Its words are stored as prompts; see unsplash-clip prompts.
Scores are cosine similarities; of --hybrid they are sums of weight / (60 + rank), with the rank in both lists. A model that embeds images alone answers --image and --photo, not words.
Exit codes: 0 done (also with no hit), 1 failed, 2 wrong usage.`,
    )
    .action(async (text: string | undefined, options: Options) => {
      const overrides = { ALLOW_HOSTS: options.allowHost?.join(',') }
      process.exitCode = await runCommand(options, overrides, context => search(context, text, options))
    })
}

async function search(context: Context, text: string | undefined, options: Options): Promise<number> {
  if (options.interactive) return searchLines(context, text, options)
  const query = chooseQuery(text, options)
  const wanted = await searchOptions(options)
  const model = await modelToSearch(context)
  const hits = await answer(context, model, query, wanted, options)
  if (options.csv) {
    await writeCsv(options.csv, hitColumns(hits), hitRows(hits, options.offset))
    context.out.note(`Wrote ${options.csv}`)
  }
  if (options.html) await writePage(context, options.html, query.title, model, hits)
  return 0
}

/** One query a line; what the options say holds for all of them. */
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
      throw new AppError('USAGE', `--interactive reads its queries from stdin; found also ${name}`)
  const wanted = await searchOptions(options)
  const model = await modelToSearch(context)
  return answerLines(context, async line => {
    const query = chooseQuery(line, options)
    context.out.text(`${query.title}:`)
    await answer(context, model, query, wanted, options, line)
  })
}

async function searchOptions(options: Options): Promise<SearchOptions> {
  const { count, offset, minScore, after } = options
  return {
    k: count,
    offset,
    minScore,
    after: after === undefined ? undefined : parseCursor(after),
    ...(await filtersOf(options)),
  }
}

/** Finds and prints. @param line that is answered, of several */
async function answer(
  context: Context,
  model: Model,
  query: Query,
  wanted: SearchOptions,
  { hybrid, textWeight, vectorWeight, facets }: Options,
  line?: string,
): Promise<Hit[]> {
  if (!hybrid && (textWeight ?? vectorWeight) !== undefined)
    throw new AppError('USAGE', '--text-weight and --vector-weight belong to --hybrid, which is not given')
  const hits = hybrid
    ? await findHybridHits(context, model, query, { ...wanted, textWeight, vectorWeight })
    : await findHits(context, model, query, wanted)
  const { k, offset = 0 } = wanted
  hits.forEach((hit, index) => {
    const rank = offset + index + 1
    context.out.result({ ...(line === undefined ? {} : { query: line }), ...hitObject(rank, hit) }, hitLine(rank, hit))
  })
  if (hits.length === 0) context.out.text('No photo matches.')
  if (hits.length === k)
    context.out.text(`More: ${hybrid ? `--offset ${offset + k}` : `--after ${cursorOf(hits.at(-1)!)}`}`)
  if (facets !== undefined && hits.length > 0) await printFacets(context, model, hits, facets)
  return hits
}

async function printFacets({ app, out }: Context, model: Model, hits: readonly Hit[], names: string): Promise<void> {
  const { facets } = await app.repositories()
  const found = await facets.facets(model.id, {
    names: names.split(',').map(name => name.trim()),
    where: [{ photos: hits.map(hit => hit.photoId) }],
  })
  if (out.json) for (const object of found.flatMap(facetObjects)) out.result(object, '')
  else out.text(`\n${facetText(found)}`)
}

function hitObject(rank: number, hit: Hit | HybridHit): object {
  return {
    rank,
    photo_id: hit.photoId,
    score: hit.score,
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
    photo: hit.photo,
  }
}

async function writePage(
  context: Context,
  path: string,
  title: string,
  { identity }: Model,
  hits: readonly Hit[],
): Promise<void> {
  const store = await context.app.store()
  const page = renderPhotoPage({
    title,
    intro: `${hits.length} photos by falling cosine similarity, found with ${modelKey(identity)}.`,
    sections: [{ heading: 'Photos', cards: await Promise.all(hits.map(hit => hitCard(hit, store))) }],
  })
  await writeFile(path, page)
  context.out.note(`Wrote ${path}`)
}
