import { AppError } from '../domain/errors.js'
import type { IndexMethod, IndexShape } from '../domain/indexes/index-plan.js'
import type {
  BuildEvent,
  BuildResources,
  IndexFacts,
  IndexRepository,
  IndexState,
} from '../domain/ports/index-repository.js'
import type { ModelId } from '../domain/ports/repository.js'
import { type DatabasePlace, planResources, type WantedResources } from './build-resources.js'
import { advise, costs, shapeOf } from './index-advice.js'

/** What the user sets; the plan computes the rest. */
export interface IndexRequest extends WantedResources {
  kind?: IndexMethod
  /** ivfflat */
  lists?: number
  /** hnsw */
  m?: number
  /** hnsw */
  efConstruction?: number
}

export interface IndexPlan {
  shape: IndexShape
  resources: BuildResources
  /** What the build takes, what the server has, what is set: a sentence or two each. */
  explanation: string[]
  /** Predicted size on disk. */
  bytes: number
  /** Predicted build time. */
  seconds: number
}

/**
 * Plans the index of a request.
 * @returns null when no index pays: there are no photos, or exact search is fast enough and no kind was asked for
 * @throws AppError USAGE when options contradict each other or do not fit into memory
 */
export function planIndex(place: DatabasePlace, facts: IndexFacts, request: IndexRequest): IndexPlan | null {
  const wanted = wantedShape(request, facts)
  if (wanted === null) return null
  const { memory, parallelWorkers } = request
  const isFixed = request.lists !== undefined
  const plan = planResources(place, facts, { shape: wanted, isFixed, memory, parallelWorkers })
  return { ...plan, ...costs(plan.shape, plan.resources, facts) }
}

export interface IndexBuildOptions {
  /** Builds also when a ready index of this shape exists. */
  rebuild: boolean
  onEvent: (event: BuildEvent) => void
  signal: AbortSignal
}

/**
 * Builds a planned index without blocking searches or ingestion.
 * @returns the index; `built` is false when a ready index of this shape existed
 * @throws AppError DATABASE_BUSY, DATABASE_MEMORY; the signal's reason
 */
export async function buildIndex(
  indexes: IndexRepository,
  modelId: ModelId,
  { shape, resources }: IndexPlan,
  options: IndexBuildOptions,
): Promise<{ built: boolean; index: IndexState }> {
  const built = await indexes.build(modelId, shape, resources, options)
  return { built, index: (await indexes.indexes(modelId)).find(({ method }) => method === shape.kind)! }
}

function wantedShape({ kind, lists, m, efConstruction }: IndexRequest, facts: IndexFacts): IndexShape | null {
  const wantedKind = kind ?? (lists !== undefined ? 'ivfflat' : undefined)
  if (lists !== undefined && wantedKind === 'hnsw') throw new AppError('USAGE', '--lists belongs to --kind ivfflat.')
  if ((m !== undefined || efConstruction !== undefined) && wantedKind !== 'hnsw')
    throw new AppError('USAGE', '--m and --ef-construction belong to --kind hnsw: add that.')
  if (facts.photos === 0) return null
  if (wantedKind === undefined && advise(facts).method === 'exact') return null
  const shape = shapeOf(wantedKind ?? 'ivfflat', facts.photos)
  if (shape.kind !== 'hnsw') return { ...shape, lists: lists ?? shape.lists }
  const wanted = {
    ...shape,
    m: m ?? shape.m,
    efConstruction: efConstruction ?? Math.max(shape.efConstruction, 2 * (m ?? 0)),
  }
  if (wanted.efConstruction < 2 * wanted.m)
    throw new AppError(
      'USAGE',
      `--ef-construction must be at least twice --m (${2 * wanted.m}), found ${wanted.efConstruction}`,
    )
  return wanted
}
