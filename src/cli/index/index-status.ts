import type { IndexState, Tuning } from '../../domain/ports/index-repository.js'
import { formatBytes, formatCount } from '../../domain/text/format.js'
import type { Context } from '../context.js'
import { table } from '../print/output.js'

/** The `index status` command: all models, or the named one. @returns exit code */
export async function indexStatus({ app, out, modelNamed }: Context): Promise<number> {
  const { indexes: repository, ingest } = await app.repositories()
  const model = modelNamed ? await ingest.findModel(app.config.MODEL) : null
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

/** Returns one line for `status`: how search answers each kind of query. */
export function describeSearch(tunings: readonly Tuning[]): string {
  const parts = tunings.map(
    tuning => `${tuning.kind} ${describeAnswer(tuning)}${isStale(tuning) ? ' (tune again)' : ''}`,
  )
  return parts.join('; ')
}

/** Returns what to do about outdated settings; empty when all is well. */
export function describeStale(tunings: readonly Tuning[]): string[] {
  return tunings.some(isStale)
    ? [
        'The number of photos has doubled since tuning. To check the index: unsplash-clip index advise. To measure again: unsplash-clip index tune',
      ]
    : []
}

const isStale = ({ state }: Tuning): boolean => state === 'stale'

function describeAnswer({ answeredBy, searchEffort }: Tuning): string {
  if (answeredBy === 'exact') return 'exact'
  if (answeredBy === 'hnsw') return `hnsw, ef_search ${searchEffort}`
  return `ivfflat, ${searchEffort} probes`
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
        `${name} is the unusable leftover of an interrupted build. To replace it: unsplash-clip index build`,
    ),
    ...tunings
      .filter(({ state }) => state === 'index missing')
      .map(
        ({ modelKey, kind, indexName }) =>
          `${modelKey}: ${kind} queries are tuned for ${indexName}, which is missing or not ready. Their search is exact.`,
      ),
    ...describeStale(tunings),
  ]
}
