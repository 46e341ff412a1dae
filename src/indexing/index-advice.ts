import { buildSeconds, type IndexMethod, type IndexShape, indexBytes, listsFor } from '../domain/indexes/index-plan.js'
import type { BuildResources, IndexFacts } from '../domain/ports/index-repository.js'
import { type DatabasePlace, planResources } from './build-resources.js'

/**
 * Photos × numbers per photo up to which exact search is advised: 50,000 photos of 512 numbers, which it compares in 25
 * ms on the machine of docs/benchmarks.md, about as long as the rest of a search takes. No time is measured for the
 * advice. A slow or busy machine slows both down alike, so that the advice would depend on the moment of the call.
 */
const EXACT_NUMBERS = 50_000 * 512
/** pgvector's defaults. With m = 32 texts are found slightly better, for a quarter more memory. */
const HNSW: IndexShape = { kind: 'hnsw', m: 16, efConstruction: 64 }

export interface Advice {
  /** How to search; `exact` needs no index. */
  method: 'exact' | 'index'
  /** Photos up to which exact search is advised. */
  exactUpTo: number
}

/** Advises exact search or an index. `index advise` shows the advice, `index build` follows it. */
export function advise({ photos, dimension }: Pick<IndexFacts, 'photos' | 'dimension'>): Advice {
  const exactUpTo = Math.floor(EXACT_NUMBERS / dimension)
  return { method: photos <= exactUpTo ? 'exact' : 'index', exactUpTo }
}

/** The default shape of a kind of index. */
export function shapeOf(kind: IndexMethod, photos: number): IndexShape {
  return kind === 'hnsw' ? HNSW : { kind, lists: listsFor(photos) }
}

/** Cost of an index. */
export interface Prediction {
  shape: IndexShape
  resources: BuildResources
  /** On disk. */
  bytes: number
  /** Of the build, roughly: it depends on how the vectors lie. */
  seconds: number
}

/** Predicts size and build time of the default index of a kind. */
export function predict(place: DatabasePlace, facts: IndexFacts, kind: IndexMethod): Prediction {
  const wanted = shapeOf(kind, facts.photos)
  const { shape, resources } = planResources(place, facts, { shape: wanted, isFixed: false })
  return { shape, resources, ...costs(shape, resources, facts) }
}

/** Size and build time of an index. */
export function costs(
  shape: IndexShape,
  { workers }: BuildResources,
  { photos, dimension }: IndexFacts,
): { bytes: number; seconds: number } {
  return {
    bytes: indexBytes(shape, photos, dimension),
    seconds: buildSeconds(shape, photos, dimension, workers),
  }
}
