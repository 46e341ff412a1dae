import { AppError } from '../domain/errors.js'
import type { IndexRepository, SearchSetting } from '../domain/ports/index-repository.js'
import type { SearchModel } from '../search/search-model.js'
import type { Variant } from './evaluate.js'
import type { IndexChoice, VariantSpec } from './variant.js'

/** Photos of the deep list where all photos are compared, as in TREC. */
const DEPTH = 1000
/** An index serves at most this many hits; longer lists compare all photos. See search_plan. */
const INDEX_DEPTH = 250

export interface PlannedVariants {
  variants: Variant[]
  depth: number
}

/**
 * Finds the models and indexes of variants.
 * @param modelOf the model of a name; undefined: of the command
 * @param wantedDepth default: as deep as every variant can answer in its own way
 * @throws AppError NOT_FOUND for an index that is not there, USAGE for one without an effort, and for a depth that an
 * index does not reach; those of modelOf
 */
export async function planVariants(
  specs: readonly VariantSpec[],
  modelOf: (name: string | undefined) => Promise<SearchModel>,
  indexes: Pick<IndexRepository, 'indexes' | 'tunings'>,
  wantedDepth?: number,
): Promise<PlannedVariants> {
  const variants: Variant[] = []
  let usesIndex = false
  for (const { name, model: modelName, index, hybrid, correction, k } of specs) {
    const model = await modelOf(modelName)
    const tuned = (await indexes.tunings(model.id)).find(({ kind }) => kind === 'text')
    const setting = await settingOf(index, model, indexes, tuned)
    usesIndex ||=
      k === undefined &&
      (setting === undefined ? (tuned?.answeredBy ?? 'exact') !== 'exact' : setting.method !== 'exact')
    variants.push({
      name,
      model,
      setting,
      hybrid,
      ...(k === undefined ? { correctionWeight: correction } : { tried: { k, weight: correction! } }),
    })
  }
  if (wantedDepth !== undefined && usesIndex && wantedDepth > INDEX_DEPTH)
    throw new AppError(
      'USAGE',
      `--depth expects at most ${INDEX_DEPTH} where a variant uses an index, because longer lists compare all photos; found ${wantedDepth}. Or compare all photos in every variant: index=exact`,
    )
  return { variants, depth: wantedDepth ?? (usesIndex ? INDEX_DEPTH : DEPTH) }
}

type Tuned = Awaited<ReturnType<IndexRepository['tunings']>>[number] | undefined

async function settingOf(
  choice: IndexChoice,
  model: SearchModel,
  indexes: Pick<IndexRepository, 'indexes'>,
  tuned: Tuned,
): Promise<SearchSetting | undefined> {
  if (choice === 'tuned') return undefined
  if (choice === 'exact') return { method: 'exact' }
  const { method } = choice
  const found = (await indexes.indexes(model.id)).find(index => index.method === method && index.state === 'ready')
  if (found === undefined)
    throw new AppError(
      'NOT_FOUND',
      `${model.key} has no ready ${method} index. Build one: unsplash-clip index build --kind ${method}`,
    )
  const tunedEffort = tuned?.answeredBy === method ? tuned.searchEffort : null
  const searchEffort = choice.effort ?? tunedEffort
  if (searchEffort === null)
    throw new AppError(
      'USAGE',
      `--variant: searches of ${model.key} by words are not tuned for ${method}, so index=${method} expects an effort: index=${method}:${method === 'hnsw' ? 100 : 10}`,
    )
  return { method, indexName: found.name, searchEffort }
}
