import type {
  CountedPhotos,
  Facet,
  FacetOptions,
  PlaceCell,
  PlaceOptions,
  SharedWord,
  SharedWordOptions,
} from '../../domain/ports/facets.js'
import type { ModelId } from '../../domain/ports/repository.js'
import type { Database } from '../connection.js'
import { storable } from '../ingest/photo-rows.js'
import { toVectorText } from '../vector.js'
import { filtersJson, labelsJson, partsJson, requireIntegers, requireNumbers } from './hit-rows.js'
import * as sql from './search-sql.js'

interface FacetRow extends Record<string, unknown> {
  facet: string
  value: string | null
  photos: number
  part: 'value' | 'other' | 'unknown'
}

/** Histograms. A name that is asked for has a facet, also without a photo. */
export async function facets(database: Database, modelId: ModelId, options: FacetOptions): Promise<Facet[]> {
  const { names, top = 10 } = options
  requireIntegers({ top })
  const { way, values } = counted(modelId, options, 1000)
  const rows = await database.query<FacetRow>(sql.FACETS[way], [...values, names?.map(storable) ?? null, top])
  const found = new Map<string, Facet>(names?.map(name => [name, { name, values: [], other: 0, unknown: 0 }]))
  for (const { facet: name, value, photos, part } of rows) {
    const facet = found.get(name) ?? { name, values: [], other: 0, unknown: 0 }
    found.set(name, facet)
    if (part === 'value') facet.values.push({ value: value!, photos })
    else facet[part] += photos
  }
  return [...found.values()]
}

/** Photos by place, and how many have one. */
export async function places(
  database: Database,
  modelId: ModelId,
  options: PlaceOptions,
): Promise<{ cells: PlaceCell[]; placed: number }> {
  const { cell, box, top = 500 } = options
  requireIntegers({ top })
  requireNumbers({ cell, ...box })
  const { way, values } = counted(modelId, options, 1000)
  const corners = box ? [box.south, box.west, box.north, box.east] : null
  const rows = await database.query<PlaceCell & { placed: number } & Record<string, unknown>>(sql.PLACES[way], [
    ...values,
    cell,
    top,
    corners,
  ])
  return { cells: rows.map(({ placed: _, ...place }) => place), placed: rows[0]?.placed ?? 0 }
}

/** Words that describe the photos better than the collection. */
export function sharedWords(database: Database, modelId: ModelId, options: SharedWordOptions): Promise<SharedWord[]> {
  return shared(database, modelId, options, sql.SHARED_WORDS, 'texts')
}

/** Reference texts that the photos show more often than the collection. */
export function sharedConcepts(
  database: Database,
  modelId: ModelId,
  options: SharedWordOptions,
): Promise<SharedWord[]> {
  return shared(database, modelId, options, sql.SHARED_CONCEPTS, 'pictures')
}

async function shared(
  database: Database,
  modelId: ModelId,
  options: SharedWordOptions,
  statements: typeof sql.SHARED_WORDS,
  source: SharedWord['source'],
): Promise<SharedWord[]> {
  const { top = 12, omitted = '' } = options
  requireIntegers({ top })
  const { way, values } = counted(modelId, options, 200)
  const found = await database.query<Omit<SharedWord, 'source'> & Record<string, unknown>>(statements[way], [
    ...values,
    top,
    storable(omitted),
  ])
  return found.map(({ word, photos, hits, shareOfAll }) => ({ word, source, photos, hits, shareOfAll }))
}

/** The statement for the subject, and its first parameters. */
function counted(
  modelId: ModelId,
  { query, prompt, parts, n, labels = [], where = [], minScore, kind }: CountedPhotos,
  defaultN: number,
): { way: 'vector' | 'prompt' | 'parts'; values: unknown[] } {
  const count = n ?? defaultN
  requireIntegers({ n: count })
  requireNumbers({ minScore })
  const conditions = [count, labelsJson(labels), filtersJson(where), minScore ?? null]
  if (prompt !== undefined) return { way: 'prompt', values: [modelId, storable(prompt), ...conditions, 'text'] }
  if (parts !== undefined) return { way: 'parts', values: [modelId, partsJson(parts), ...conditions, kind ?? null] }
  const vector = query === undefined ? null : toVectorText(query)
  return { way: 'vector', values: [modelId, vector, ...conditions, kind ?? null] }
}
