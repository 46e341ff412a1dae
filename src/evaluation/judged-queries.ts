import { randomFrom } from '../analysis/random.js'
import type { PhotoColumn } from '../domain/photo.js'
import type { DrawnQueries, DrawOptions, EvaluationRepository } from '../domain/ports/analysis/evaluations.js'
import type { JudgedFile } from './judged-file.js'
import type { Relevance } from './measures.js'

/** Longest prompt, as in the database. */
const MOST_BYTES = 2000
/** Words of a larger share of the photos with a text say little about one of them. */
const MOST_SHARE = 0.1
/** Ids per statement. */
const IDS_AT_ONCE = 10_000

/** Queries with what is relevant to each. */
export interface JudgedQueries {
  drawn: DrawnQueries
  /** The relevant photos of a drawn query that every model has embedded: at least `leastRelevant`, unless photos went meanwhile. */
  relevance(query: string): Promise<Relevance>
}

/** Real searches of the dataset: relevant is what was downloaded after a search. */
export async function fromConversions(evaluations: EvaluationRepository, options: DrawOptions): Promise<JudgedQueries> {
  return {
    drawn: await evaluations.drawConversions(options),
    relevance: async query => ungraded(await evaluations.convertedPhotos(options.modelIds, query)),
  }
}

/** Weak labels: the words of text columns, and for each the photos whose text has it. */
export async function fromWords(
  evaluations: EvaluationRepository,
  columns: readonly PhotoColumn[],
  options: DrawOptions,
): Promise<JudgedQueries> {
  return {
    drawn: await evaluations.drawWords({ ...options, columns, mostShare: MOST_SHARE }),
    relevance: async query => ungraded(await evaluations.photosWithWords(options.modelIds, columns, query)),
  }
}

/** Weak labels for given queries: the photos whose text has all of the words of a query. */
export async function fromTexts(
  evaluations: EvaluationRepository,
  columns: readonly PhotoColumn[],
  texts: readonly string[],
  options: DrawOptions,
  signal: AbortSignal,
): Promise<JudgedQueries> {
  const relevance = async (query: string) =>
    ungraded(await evaluations.photosWithWords(options.modelIds, columns, query))
  return { drawn: await draw(texts, relevance, options, signal), relevance }
}

/** Judgements of a file. */
export async function fromFile(
  evaluations: EvaluationRepository,
  { judged }: Pick<JudgedFile, 'judged'>,
  options: DrawOptions,
  signal: AbortSignal,
): Promise<JudgedQueries> {
  const relevance = async (query: string): Promise<Relevance> => {
    const grades = judged.get(query)!
    const ids = [...grades.keys()]
    const embedded: string[] = []
    for (let from = 0; from < ids.length; from += IDS_AT_ONCE)
      embedded.push(...(await evaluations.embeddedAmong(options.modelIds, ids.slice(from, from + IDS_AT_ONCE))))
    return new Map(embedded.map(id => [id, grades.get(id)!]))
  }
  return { drawn: await draw([...judged.keys()], relevance, options, signal), relevance }
}

/** Goes through the queries in random order until enough of them have relevant photos. */
async function draw(
  texts: readonly string[],
  relevance: (query: string) => Promise<Relevance>,
  { most, leastRelevant, seed }: DrawOptions,
  signal: AbortSignal,
): Promise<DrawnQueries> {
  const distinct = [...new Set(texts.map(text => text.replace(/\s+/g, ' ').trim()))]
  const usable = distinct.filter(text => text !== '' && Buffer.byteLength(text) <= MOST_BYTES)
  const drawn: DrawnQueries = {
    queries: [],
    total: distinct.length,
    tooFewRelevant: 0,
    unusable: distinct.length - usable.length,
  }
  for (const query of shuffled(usable.sort(), seed)) {
    signal.throwIfAborted()
    if (drawn.queries.length === most) break
    if ((await relevance(query)).size >= leastRelevant) drawn.queries.push(query)
    else drawn.tooFewRelevant++
  }
  return drawn
}

/** A random order (Fisher and Yates). */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = randomFrom(seed)
  const order = [...items]
  for (let i = order.length - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1))
    const moved = order[i]!
    order[i] = order[other]!
    order[other] = moved
  }
  return order
}

function ungraded(photoIds: readonly string[]): Relevance {
  return new Map(photoIds.map(id => [id, 1]))
}
