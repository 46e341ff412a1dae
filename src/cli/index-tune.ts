import { AppError } from '../domain/errors.js'
import { EVERYDAY_PROMPTS } from '../domain/everyday-prompts.js'
import type { IndexKind } from '../domain/index-plan.js'
import { type TriedSetting, tuneSearch } from '../domain/index-tuning.js'
import type {
  IndexRepository,
  IndexState,
  MeasuredAnswer,
  QueryKind,
  SampleQuery,
  SearchSetting,
} from '../domain/ports/index-repository.js'
import type { ModelId } from '../domain/ports/repository.js'
import type { Context } from './context.js'
import { isForTexts } from './index-status.js'
import { openEncoder } from './model-files.js'
import { formatCount, table } from './output.js'
import { Progress } from './progress.js'
import { modelToSearch } from './search-model.js'
import { hasTextTower } from './text-tower.js'

/** Recall is of so many nearest photos: what a page shows, and what the literature reports. */
const K = 10
/** Fewer prompts say little of what people will ask. */
const LEAST_PROMPTS = 50
/** Texts are vague: the tenth best photo is hardly worse than the eleventh. Who searches by image expects the same photo found. */
const WANTED: Record<QueryKind, number> = { text: 0.95, image: 0.99 }
/** Queries of one transaction. */
const PAGE_SIZE = 10

export interface TuneOptions {
  recall?: number
  kind?: QueryKind
  method?: IndexKind | 'exact'
  queries: number
  seed: number
}

/** The `index tune` command. @returns exit code */
export async function tuneIndex(context: Context, options: TuneOptions): Promise<number> {
  const { app, out } = context
  const { id } = await modelToSearch(context)
  const { indexes: repository } = await app.repositories()
  const ready = (await repository.indexes(id)).filter(
    ({ state, kind }) => state === 'ready' && (options.method ?? kind) === kind,
  )
  if (ready.length === 0 && options.method !== 'exact')
    throw new AppError(
      'NOT_FOUND',
      `There is no ready ${options.method ?? 'vector'} index to tune, and searches are exact. Build one: unsplash-clip index build --kind ${options.method ?? 'ivfflat'}`,
    )
  for (const kind of options.kind === undefined ? (['text', 'image'] as const) : [options.kind]) {
    const sample = await sampleOf(context, repository, id, kind, options)
    if (sample.queries.length > 0) await tuneKind(context, repository, id, { kind, ready, sample, options })
    else out.note(`${kind}: ${sample.source}; left as it is.`)
  }
  return 0
}

interface Sample {
  queries: SampleQuery[]
  /** What they are, for people. */
  source: string
}

async function sampleOf(
  context: Context,
  repository: IndexRepository,
  modelId: ModelId,
  kind: QueryKind,
  { queries: count, seed }: TuneOptions,
): Promise<Sample> {
  if (kind === 'image') {
    const queries = await repository.samplePhotos(modelId, count, seed)
    return { queries, source: `${formatCount(queries.length)} photos by lot, each left out of its own answer` }
  }
  const known = await repository.samplePrompts(modelId, 'judging', count, seed)
  const asked = `${formatCount(known.length)} prompts that were embedded before`
  if (known.length >= Math.min(LEAST_PROMPTS, count)) return { queries: known.map(asQuery), source: asked }
  if (!hasTextTower(context)) return { queries: [], source: 'the model embeds images alone' }
  const encoder = await openEncoder(context, 'text')
  const everyday = await encoder.encodeTexts(EVERYDAY_PROMPTS.slice(0, count - known.length))
  return {
    queries: [...known, ...everyday].map(asQuery),
    source: `${asked}, which are few, and ${formatCount(everyday.length)} everyday ones of a list`,
  }
}

const asQuery = (vector: Float32Array): SampleQuery => ({ vector })

async function tuneKind(
  { out, signal }: Context,
  repository: IndexRepository,
  modelId: ModelId,
  { kind, ready, sample, options }: { kind: QueryKind; ready: IndexState[]; sample: Sample; options: TuneOptions },
): Promise<void> {
  const wanted = options.recall ?? WANTED[kind]
  const progress = new Progress(`tune ${kind}`)
  const measure = async (setting: SearchSetting): Promise<MeasuredAnswer[]> => {
    const answers: MeasuredAnswer[] = []
    for (let from = 0; from < sample.queries.length; from += PAGE_SIZE) {
      signal.throwIfAborted()
      const page = sample.queries.slice(from, from + PAGE_SIZE)
      answers.push(...(await repository.measure(modelId, kind, setting, page, K)))
      progress.write(`tune ${kind}: ${describe(setting)}, ${answers.length} of ${sample.queries.length} queries`)
    }
    return answers
  }
  const { tried, chosen, exactBecause } = await tuneSearch(
    ready.filter(index => index.kind !== 'text' || kind === 'text'),
    wanted,
    measure,
    options.method !== undefined,
  ).finally(() => progress.end())
  const { setting, trial } = chosen
  await repository.saveSetting(modelId, kind, setting, {
    wantedRecall: wanted,
    measuredRecall: trial.recall.mean,
    sampledQueries: sample.queries.length,
  })
  const because = options.method === 'exact' || exactBecause === null ? '' : `: ${REASONS[exactBecause]}`
  out.result(
    {
      queries: kind,
      sample: sample.queries.length,
      wanted,
      ...setting,
      recall: trial.recall,
      ms: trial.ms,
      exactBecause,
    },
    [
      `${kind}: ${sample.source}; recall@${K} wanted: ${wanted}`,
      table(['', `recall@${K}`, '95 % interval', 'ms'], tried.map(cells)),
      `→ ${describe(setting)}${because}`,
      '',
    ].join('\n'),
  )
}

const REASONS = {
  recall: 'no index reaches the recall that is wanted in less time',
  time: 'it is as fast as the index at this recall',
}

function cells({ setting, trial: { recall, ms } }: TriedSetting): string[] {
  const interval = setting.method === 'exact' ? '–' : `${recall.low.toFixed(3)} to ${recall.high.toFixed(3)}`
  return [describe(setting), recall.mean.toFixed(3), interval, ms.toFixed(1)]
}

function describe(setting: SearchSetting): string {
  if (setting.method === 'exact') return 'exact'
  if (setting.method === 'hnsw') return `hnsw, ef_search ${setting.effort}`
  return `${isForTexts(setting.indexName) ? 'text index' : 'ivfflat'}, ${setting.effort} probes`
}
