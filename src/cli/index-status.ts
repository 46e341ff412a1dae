import type { IndexState, Tuning } from '../domain/ports/index-repository.js'
import type { Context } from './context.js'
import { formatBytes, formatCount, table } from './output.js'

/** The `index status` command: every model, or the one that is named. @returns exit code */
export async function indexStatus({ app, out, modelNamed }: Context): Promise<number> {
  const { indexes: repository, ingest } = await app.repositories()
  const model = modelNamed ? await ingest.findModel(app.model) : null
  const indexes = await repository.indexes(model?.id ?? null)
  const tunings = await repository.tunings(model?.id ?? null)
  if (out.json) {
    for (const index of indexes) out.result({ index }, '')
    for (const search of tunings) out.result({ search }, '')
    return 0
  }
  out.text(indexes.length === 0 ? 'There is no vector index.' : indexTable(indexes))
  if (tunings.length > 0) out.text(`\n${tuningTable(tunings)}`)
  for (const remark of remarks(indexes, tunings)) out.text(`\n${remark}`)
  return 0
}

/** One line for `status`: how each kind of query is answered. */
export function describeSearch(tunings: readonly Tuning[]): string {
  const parts = tunings.map(
    tuning => `${tuning.kind} ${describeAnswer(tuning)}${isStale(tuning) ? ' (tune again)' : ''}`,
  )
  return parts.join('; ')
}

/** What to do about settings that no longer fit; empty when all is well. */
export function describeStale(tunings: readonly Tuning[]): string[] {
  return tunings.some(isStale)
    ? [
        'The photos have doubled since searches were tuned: unsplash-clip index advise says whether the index still fits, index tune measures again.',
      ]
    : []
}

const isStale = ({ state }: Tuning): boolean => state === 'stale'

/** Whether an index of that name is one of kind `text`. */
export const isForTexts = (indexName: string): boolean => indexName.endsWith('_text')

function describeAnswer({ answeredBy, effort, indexName }: Tuning): string {
  if (answeredBy === 'exact') return 'exact'
  if (answeredBy === 'hnsw') return `hnsw, ef_search ${effort}`
  return `${isForTexts(indexName!) ? 'text index' : 'ivfflat'}, ${effort} probes`
}

function indexTable(indexes: readonly IndexState[]): string {
  return table(
    ['model', 'index', 'options', 'state', 'size', 'photos', 'when built'],
    indexes.map(index => [
      index.modelKey,
      index.name,
      index.options.join(' '),
      [index.state, index.phase, index.percent === null ? null : `${index.percent} %`]
        .filter(part => part !== null)
        .join(', '),
      formatBytes(index.bytes),
      index.photos,
      index.photosAtBuild === null ? '–' : formatCount(index.photosAtBuild),
    ]),
  )
}

function tuningTable(tunings: readonly Tuning[]): string {
  return table(
    ['model', 'queries', 'answered by', 'recall wanted', 'measured', 'state', 'photos then'],
    tunings.map(tuning => [
      tuning.modelKey,
      tuning.kind,
      describeAnswer(tuning),
      tuning.wantedRecall === null ? '–' : String(tuning.wantedRecall),
      tuning.measuredRecall === null
        ? '–'
        : `${tuning.measuredRecall.toFixed(3)} over ${tuning.sampledQueries} queries`,
      tuning.state,
      tuning.photosAtTuning === null ? '–' : formatCount(tuning.photosAtTuning),
    ]),
  )
}

function remarks(indexes: readonly IndexState[], tunings: readonly Tuning[]): string[] {
  const invalid = indexes.filter(({ state }) => state === 'invalid')
  return [
    ...invalid.map(
      ({ name }) =>
        `${name} was left by a build that was interrupted, and is of no use: "index build" removes it and builds anew.`,
    ),
    ...tunings
      .filter(({ state }) => state === 'index missing')
      .map(
        ({ modelKey, kind, indexName }) =>
          `${modelKey}: ${kind} queries were tuned for ${indexName}, which is not there or not ready; they are answered exactly.`,
      ),
    ...describeStale(tunings),
  ]
}
