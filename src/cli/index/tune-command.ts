import type { TriedSetting } from '../../domain/indexes/index-tuning.js'
import type { SearchSetting } from '../../domain/ports/index-repository.js'
import { formatCount } from '../../domain/text/format.js'
import {
  RECALL_K,
  type SampleSource,
  type TunedQueries,
  type TuneRequest,
  tuneIndexes,
} from '../../indexing/tune-index.js'
import type { Context } from '../context.js'
import { chooseModel, openTextEncoder } from '../open-search.js'
import { table } from '../print/output.js'
import { Progress } from '../print/progress.js'

/** The `index tune` command. @returns exit code */
export async function tune(context: Context, request: TuneRequest): Promise<number> {
  const { app, signal } = context
  const model = await chooseModel(context)
  const { indexes } = await app.repositories()
  const textEncoder = () => openTextEncoder(context, model)
  const progress = new Progress('tune')
  const tuned = tuneIndexes({ indexes, model, textEncoder }, request, {
    onProgress: (kind, setting, measured, queries) =>
      progress.write(`tune ${kind}: ${describe(setting)}, ${measured} of ${queries} queries`),
    signal,
  })
  try {
    for await (const queries of tuned) {
      progress.end()
      show(context, queries, request)
    }
  } finally {
    progress.end()
  }
  return 0
}

function show({ out }: Context, { kind, source, tuning }: TunedQueries, { method }: TuneRequest): void {
  if (tuning === null) {
    out.note(`${kind}: ${describeSource(source)}; left as it is.`)
    return
  }
  const { tried, chosen, exactBecause, wanted, queries } = tuning
  const { setting, trial } = chosen
  const because = method === 'exact' || exactBecause === null ? '' : `: ${REASONS[exactBecause]}`
  out.result(
    { queries: kind, sample: queries, wanted, ...setting, recall: trial.recall, ms: trial.ms, exactBecause },
    [
      `${kind}: ${describeSource(source)}; recall@${RECALL_K} wanted: ${wanted}`,
      table(['', `recall@${RECALL_K}`, '95 % interval', 'ms'], tried.map(cells)),
      `→ ${describe(setting)}${because}`,
      '',
    ].join('\n'),
  )
}

const REASONS = {
  recall: 'no index reaches the wanted recall in less time',
  time: 'it is as fast as the index at this recall',
}

function describeSource(source: SampleSource): string {
  if (source.of === 'nothing')
    return source.reason === 'no text tower'
      ? 'the model embeds only images'
      : 'too few prompts are stored, and this installation has no files of the model to embed more'
  if (source.of === 'photos')
    return `${formatCount(source.photos)} randomly sampled photos, each excluded from its own results, and means of two of them; the lower recall counts`
  const stored = `${formatCount(source.stored)} stored prompts`
  return source.everyday === 0 ? stored : `${stored} and ${formatCount(source.everyday)} prompts of a built-in list`
}

function cells({ setting, trial: { recall, ms } }: TriedSetting): string[] {
  const interval = setting.method === 'exact' ? '–' : `${recall.low.toFixed(3)} to ${recall.high.toFixed(3)}`
  return [describe(setting), recall.mean.toFixed(3), interval, ms.toFixed(1)]
}

function describe(setting: SearchSetting): string {
  if (setting.method === 'exact') return 'exact'
  if (setting.method === 'hnsw') return `hnsw, ef_search ${setting.searchEffort}`
  return `ivfflat, ${setting.searchEffort} probes`
}
