import type { Facet, FacetOptions, FacetRepository } from '../domain/ports/facets.js'
import type { ModelId } from '../domain/ports/repository.js'
import type { Database } from './connection.js'
import { filtersJson, labelsJson, requireIntegers, requireNumbers } from './hits.js'
import { storable } from './photo-rows.js'
import { toVectorText } from './vector.js'

const FACETS = `
  select facet, value, photos, part
    from search_facets($2, $3::vector, $4, $5, $6, $1::integer::text, top => $7, min_score => $8, kind => $9)`

interface FacetRow extends Record<string, unknown> {
  facet: string
  value: string | null
  photos: number
  part: 'value' | 'other' | 'unknown'
}

/** FacetRepository on Postgres: a thin layer over the function `search_facets`. */
export class PostgresFacetRepository implements FacetRepository {
  constructor(private readonly database: Database) {}

  async facets(modelId: ModelId, options: FacetOptions): Promise<Facet[]> {
    const { names, query, n = 1000, labels = [], where = [], top = 10, minScore, kind = 'text' } = options
    requireIntegers({ n, top })
    requireNumbers({ minScore })
    const rows = await this.database.query<FacetRow>(FACETS, [
      modelId,
      names?.map(storable) ?? null,
      query === undefined ? null : toVectorText(query),
      n,
      labelsJson(labels),
      filtersJson(where),
      top,
      minScore ?? null,
      kind,
    ])
    const facets = new Map<string, Facet>(names?.map(name => [name, { name, values: [], other: 0, unknown: 0 }]))
    for (const { facet: name, value, photos, part } of rows) {
      const facet = facets.get(name) ?? { name, values: [], other: 0, unknown: 0 }
      facets.set(name, facet)
      if (part === 'value') facet.values.push({ value: value!, photos })
      else facet[part] += photos
    }
    return [...facets.values()]
  }
}
