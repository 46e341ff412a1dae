import { describeShape } from '../../domain/indexes/index-plan.js'
import type { IndexFacts } from '../../domain/ports/index-repository.js'
import { formatBytes, formatCount, formatDuration, formatQuantity } from '../../domain/text/format.js'
import { type Advice, advise, type Prediction, predict } from '../../indexing/index-advice.js'
import type { Context } from '../context.js'
import { chooseModel } from '../open-search.js'
import { databasePlace } from './database-place.js'

/** The `index advise` command. @returns exit code */
export async function showAdvice(context: Context): Promise<number> {
  const { app, out } = context
  const { id } = await chooseModel(context)
  const { indexes } = await app.repositories()
  const facts = await indexes.facts(id)
  const advice = advise(facts)
  const place = databasePlace(app)
  const [ivfflat, hnsw] = [predict(place, facts, 'ivfflat'), predict(place, facts, 'hnsw')]
  out.result(
    {
      ...facts,
      advice: advice.method,
      exactUpTo: advice.exactUpTo,
      ivfflat: asObject(ivfflat),
      hnsw: asObject(hnsw),
    },
    [...paragraphs(facts, advice), '', asLine(ivfflat), asLine(hnsw), '', ...commands(advice)].join('\n'),
  )
  return 0
}

export const NOTHING_TO_INDEX = 'No photo is embedded with this model yet, so there is nothing to index.'

/** Says up to how many photos exact search is advised, and how many there are. */
export function describeExact(facts: IndexFacts): string {
  const { photos, dimension } = facts
  return `Exact search finds everything, and is advised up to ${formatQuantity(advise(facts).exactUpTo, 'photo')} of ${formatCount(dimension)} numbers. You have ${formatCount(photos)}.`
}

function paragraphs(facts: IndexFacts, { method }: Advice): string[] {
  if (facts.photos === 0) return [NOTHING_TO_INDEX]
  if (method === 'exact') return [`${describeExact(facts)} No index is needed.`]
  return [
    `${describeExact(facts)} Build an index.`,
    'One index serves searches by text and by image. Embeddings of texts are apart from those of images, so texts need more search effort.',
    '"index tune" finds the effort of each on your photos, and keeps exact search where no index is faster at the wanted recall.',
  ]
}

function commands({ method }: Advice): string[] {
  if (method === 'exact') return ['Ask again when the number of photos has doubled:  unsplash-clip index advise']
  return ['unsplash-clip index build', 'unsplash-clip index tune']
}

function asObject({ shape, resources: { memory, workers }, bytes, seconds }: Prediction): object {
  return { ...shape, bytes, memory: Math.round(memory), workers, seconds }
}

function asLine({ shape, resources, bytes, seconds }: Prediction): string {
  return `${describeShape(shape)}: about ${formatBytes(bytes)} on disk, ${formatBytes(resources.memory)} of memory to build, in roughly ${formatDuration(seconds)}`
}
