import { AppError } from '../domain/errors.js'
import { EVERYDAY_PROMPTS } from '../domain/indexes/everyday-prompts.js'
import { imageQueries } from '../domain/indexes/image-queries.js'
import type { IndexMethod } from '../domain/indexes/index-plan.js'
import { type SearchTuning, tuneSearch } from '../domain/indexes/index-tuning.js'
import type { Encoder } from '../domain/ports/encoder.js'
import type {
  IndexRepository,
  IndexState,
  MeasuredAnswer,
  QueryKind,
  SampleQuery,
  SearchSetting,
} from '../domain/ports/index-repository.js'
import { hasTextTower } from '../domain/text-tower.js'
import type { SearchModel } from '../search/search-model.js'

/** Recall counts this many nearest photos: what a page shows, and what the literature reports. */
export const RECALL_K = 10
/** Fewer prompts than this say little about what people will ask. */
const LEAST_PROMPTS = 50
/** Texts are vague: the eleventh photo is hardly worse than the tenth. Searches by image must find the same photo. */
const WANTED: Record<QueryKind, number> = { text: 0.95, image: 0.99 }
/** Queries per transaction. */
const PAGE_SIZE = 10

export interface TuneParts {
  indexes: IndexRepository
  model: SearchModel
  /** Opens the text tower; called only when texts have to be embedded. */
  textEncoder: () => Promise<Encoder>
}

export interface TuneRequest {
  /** Wanted recall@{@link RECALL_K}; default: {@link WANTED} */
  recall?: number
  kind?: QueryKind
  method?: IndexMethod | 'exact'
  /** Size of the sample. */
  queries: number
  seed: number
}

/** Where the queries of a sample come from. */
export type SampleSource =
  | { of: 'photos'; photos: number }
  | { of: 'prompts'; stored: number; everyday: number }
  | { of: 'nothing'; reason: 'no text tower' | 'not known here' }

export interface TunedQueries {
  kind: QueryKind
  source: SampleSource
  /** Null: there was nothing to measure with, and the setting stays. */
  tuning: (SearchTuning & { wanted: number; queries: number }) | null
}

export interface TuneOptions {
  /** @param measured queries of the sample so far, of all with this setting */
  onProgress: (kind: QueryKind, setting: SearchSetting, measured: number, queries: number) => void
  signal: AbortSignal
}

/**
 * Finds, per kind of query, the least search effort that reaches the wanted recall, and saves it as the setting of searches.
 * Yields one result per kind, when it is saved.
 * @throws AppError NOT_FOUND when there is no ready index to tune
 */
export async function* tuneIndexes(
  parts: TuneParts,
  request: TuneRequest,
  options: TuneOptions,
): AsyncGenerator<TunedQueries> {
  const { indexes, model } = parts
  const { method } = request
  const ready = (await indexes.indexes(model.id)).filter(
    index => index.state === 'ready' && (method ?? index.method) === index.method,
  )
  if (ready.length === 0 && method !== 'exact')
    throw new AppError(
      'NOT_FOUND',
      `There is no ready ${method ?? 'vector'} index to tune, and searches are exact. Build one: unsplash-clip index build --kind ${method ?? 'ivfflat'}`,
    )
  for (const kind of request.kind === undefined ? (['text', 'image'] as const) : [request.kind])
    yield await tuneKind(parts, kind, ready, request, options)
}

async function tuneKind(
  parts: TuneParts,
  kind: QueryKind,
  ready: readonly IndexState[],
  request: TuneRequest,
  { onProgress, signal }: TuneOptions,
): Promise<TunedQueries> {
  const { indexes, model } = parts
  const { groups, source } = await sampleOf(parts, kind, request)
  const queries = groups.flat()
  if (queries.length === 0) return { kind, source, tuning: null }

  const measure = async (setting: SearchSetting): Promise<MeasuredAnswer[]> => {
    const answers: MeasuredAnswer[] = []
    for (let from = 0; from < queries.length; from += PAGE_SIZE) {
      signal.throwIfAborted()
      const page = queries.slice(from, from + PAGE_SIZE)
      answers.push(...(await indexes.measure(model.id, kind, setting, page, RECALL_K)))
      onProgress(kind, setting, answers.length, queries.length)
    }
    return answers
  }
  const wanted = request.recall ?? WANTED[kind]
  const tuning = await tuneSearch(ready, wanted, measure, {
    isForced: request.method !== undefined,
    groups: groups.map(group => group.length),
  })
  const { setting, trial } = tuning.chosen
  await indexes.saveSetting(model.id, kind, setting, {
    wantedRecall: wanted,
    measuredRecall: trial.recall.mean,
    sampledQueries: queries.length,
  })
  return { kind, source, tuning: { ...tuning, wanted, queries: queries.length } }
}

async function sampleOf(
  { indexes, model, textEncoder }: TuneParts,
  kind: QueryKind,
  { queries: count, seed }: TuneRequest,
): Promise<{ groups: SampleQuery[][]; source: SampleSource }> {
  if (kind === 'image') {
    const photos = await indexes.samplePhotos(model.id, count, seed)
    return { groups: imageQueries(photos), source: { of: 'photos', photos: photos.length } }
  }
  const stored = await indexes.samplePrompts(model.id, count, seed)
  const isEnough = stored.length >= Math.min(LEAST_PROMPTS, count)
  if (!isEnough && !hasTextTower(model.spec))
    return { groups: [], source: { of: 'nothing', reason: model.spec === null ? 'not known here' : 'no text tower' } }
  const missing = isEnough ? [] : EVERYDAY_PROMPTS.slice(0, count - stored.length)
  const everyday = missing.length > 0 ? await (await textEncoder()).encodeTexts(missing) : []
  return {
    groups: [[...stored, ...everyday].map(vector => ({ vector }))],
    source: { of: 'prompts', stored: stored.length, everyday: everyday.length },
  }
}
