import type { HybridHit, HybridOptions, HybridRepository } from '../domain/ports/hybrid.js'
import type { ModelId } from '../domain/ports/repository.js'
import type { Database } from './connection.js'
import {
  filtersJson,
  HIT_COLUMNS,
  HIT_SOURCE,
  type HitRow,
  labelsJson,
  requireIntegers,
  requireNumbers,
  toHit,
} from './hits.js'
import { storable } from './photo-rows.js'
import { toVectorText } from './vector.js'

const SEARCH = `
  with hit as (
    select * from search_hybrid($2, $3, $4, $5, $6, $1::integer::text, min_score => $7, vector_weight => $8,
                                text_weight => $9, rrf_k => $10, depth => $11, query => $12::vector, kind => $13))
  select hit.vector_rank, hit.vector_score, hit.text_rank, hit.text_score, ${HIT_COLUMNS} ${HIT_SOURCE}`

const LANGUAGE = 'select language from text_language'
const USE_LANGUAGE = 'select use_text_language($1) as changed'

interface HybridRow extends HitRow {
  vector_rank: number | null
  vector_score: number | null
  text_rank: number | null
  text_score: number | null
}

/** HybridRepository on Postgres: a thin layer over the function `search_hybrid`. */
export class PostgresHybridRepository implements HybridRepository {
  constructor(private readonly database: Database) {}

  async search(
    modelId: ModelId,
    prompt: string,
    query: Float32Array | null,
    options: HybridOptions,
  ): Promise<HybridHit[]> {
    const { k, offset = 0, labels = [], where = [], minScore, kind = 'text' } = options
    const { vectorWeight = 1, textWeight = 1, rrfK = 60, depth = 200 } = options
    requireIntegers({ k, offset, rrfK, depth })
    requireNumbers({ minScore, vectorWeight, textWeight })
    const rows = await this.database.query<HybridRow>(SEARCH, [
      modelId,
      storable(prompt),
      k,
      offset,
      labelsJson(labels),
      filtersJson(where),
      minScore ?? null,
      vectorWeight,
      textWeight,
      rrfK,
      depth,
      query === null ? null : toVectorText(query),
      kind,
    ])
    return rows.map(row => ({
      ...toHit(row),
      vectorRank: row.vector_rank,
      vectorScore: row.vector_score,
      textRank: row.text_rank,
      textScore: row.text_score,
    }))
  }

  async language(): Promise<string> {
    return (await this.database.query<{ language: string }>(LANGUAGE))[0]!.language
  }

  async useLanguage(language: string): Promise<number> {
    const [row] = await this.database.transaction(
      session => session.query<{ changed: number }>(USE_LANGUAGE, [storable(language)]),
      { unlimited: true },
    )
    return row!.changed
  }
}
