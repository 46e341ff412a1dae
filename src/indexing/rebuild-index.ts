import type { IndexMethod, IndexShape } from '../domain/indexes/index-plan.js'
import type { IndexRepository } from '../domain/ports/index-repository.js'
import type { ModelId } from '../domain/ports/repository.js'
import type { IndexBuildOptions } from './build-index.js'
import { type DatabasePlace, planResources } from './build-resources.js'

/** An index that another database has. */
export interface FormerIndex {
  modelId: ModelId
  method: IndexMethod
  /** As in `create index`: `lists=400`. */
  options: readonly string[]
}

/**
 * Builds an index of the same shape.
 * @throws AppError USAGE when its k-means does not fit into memory; DATABASE_MEMORY; the signal's reason
 */
export async function rebuildIndex(
  indexes: IndexRepository,
  place: DatabasePlace,
  former: FormerIndex,
  options: Pick<IndexBuildOptions, 'onEvent' | 'signal'>,
): Promise<void> {
  const facts = await indexes.facts(former.modelId)
  const { shape, resources } = planResources(place, facts, { shape: shapeOf(former), isFixed: true })
  await indexes.build(former.modelId, shape, resources, { ...options, rebuild: false })
}

function shapeOf({ method, options }: FormerIndex): IndexShape {
  const values = new Map(options.map(option => option.split('=', 2) as [string, string]))
  const number = (name: string, usual: number) => Number(values.get(name) ?? usual)
  // pgvector's defaults.
  return method === 'hnsw'
    ? { kind: 'hnsw', m: number('m', 16), efConstruction: number('ef_construction', 64) }
    : { kind: 'ivfflat', lists: number('lists', 100) }
}
