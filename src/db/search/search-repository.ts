import { AppError, type PhotoFailureCode } from '../../domain/errors.js'
import type { DuplicateGroup, DuplicateOptions, DuplicatePair } from '../../domain/ports/duplicates.js'
import type {
  Facet,
  FacetOptions,
  PlaceCell,
  PlaceOptions,
  SharedWord,
  SharedWordOptions,
} from '../../domain/ports/facets.js'
import type { HybridHit, HybridOptions } from '../../domain/ports/hybrid.js'
import type { QueryPart } from '../../domain/ports/prompts.js'
import type { ModelId } from '../../domain/ports/repository.js'
import type { BrowsedPhoto, BrowseOptions, Hit, PhotoDetails, SearchOptions } from '../../domain/ports/search.js'
import type { SearchRepository } from '../../domain/ports/search-repository.js'
import type { Database } from '../connection.js'
import { SELECT_PHOTO, storable, toPhoto } from '../ingest/photo-rows.js'
import { fromVectorText, toVectorText } from '../vector.js'
import * as counts from './counts.js'
import { filtersJson, type HitRow, labelsJson, partsJson, requireIntegers, requireNumbers, toHit } from './hit-rows.js'
import * as sql from './search-sql.js'

/** Photos per statement in the search for duplicates: 1 to 2 s when each is compared with 10,000 others. */
const STEP = 500

const PHOTO = `select ${SELECT_PHOTO} from photos p where p.photo_id = $1`

const ADDRESSES = `select photo_id, coalesce(photo_url, photo_image_url) as address from photos where photo_id = any($1)`
/** Ids per statement. */
const ADDRESSES_AT_ONCE = 10_000

interface HybridRow extends HitRow {
  vector_rank: number | null
  vector_score: number | null
  text_rank: number | null
  text_score: number | null
}

interface GroupRow extends Record<string, unknown> {
  representativeId: string
  photoId: string
  score: number
}

interface StateRow extends Record<string, unknown> {
  model_id: ModelId
  model: string
  embedded_at: Date | null
  stored_key: string | null
  code: PhotoFailureCode | null
  message: string | null
  attempts: number | null
  labels: PhotoDetails['states'][number]['labels'] | null
}

/** SearchRepository on Postgres: a thin layer over the SQL functions, which check conditions and numbers. */
export class PostgresSearchRepository implements SearchRepository {
  constructor(private readonly database: Database) {}

  async search(modelId: ModelId, query: Float32Array, options: SearchOptions): Promise<Hit[]> {
    return this.#hits(sql.BY_VECTOR, modelId, options, toVectorText(query), options.kind ?? null, weightOf(options))
  }

  async searchText(modelId: ModelId, prompt: string, options: Omit<SearchOptions, 'kind'>): Promise<Hit[]> {
    return this.#hits(sql.BY_TEXT, modelId, options, storable(prompt), weightOf(options))
  }

  async searchCombined(modelId: ModelId, parts: readonly QueryPart[], options: SearchOptions): Promise<Hit[]> {
    return this.#hits(sql.BY_PARTS, modelId, options, partsJson(parts), options.kind ?? null, weightOf(options))
  }

  async similar(
    modelId: ModelId,
    photoId: string,
    options: Omit<SearchOptions, 'kind' | 'correctionWeight'>,
  ): Promise<Hit[]> {
    return this.#hits(sql.BY_PHOTO, modelId, options, photoId)
  }

  async browse(modelId: ModelId, { k, order, labels = [], where = [], after }: BrowseOptions): Promise<BrowsedPhoto[]> {
    requireIntegers({ k })
    requireNumbers({ 'after.place': after?.place })
    const rows = await this.database.query<HitRow>(sql.BROWSE, [
      modelId,
      k,
      order === 'newest',
      labelsJson(labels),
      filtersJson(where),
      after?.place ?? null,
      after?.photoId ?? null,
    ])
    return rows.map(row => {
      const { score: place, correction: _, ...photo } = toHit(row)
      return { ...photo, place }
    })
  }

  async countPhotos(modelId: ModelId): Promise<number> {
    const [count] = await this.database.query<{ photos: number }>(sql.COUNT_EMBEDDINGS, [modelId])
    return count!.photos
  }

  async embeddings(modelId: ModelId, photoIds: readonly string[]): Promise<Map<string, Float32Array>> {
    const rows = await this.database.query<{ id: string; vector: string }>(sql.EMBEDDINGS, [modelId, photoIds])
    return new Map(rows.map(({ id, vector }) => [id, fromVectorText(vector)]))
  }

  async hybrid(
    modelId: ModelId,
    prompt: string,
    query: Float32Array | null,
    options: HybridOptions,
  ): Promise<HybridHit[]> {
    const { k, offset = 0, labels = [], where = [], minScore, kind = null } = options
    const { vectorWeight = 1, textWeight = 1, rrfK = 60, depth = 200 } = options
    requireIntegers({ k, offset, rrfK, depth })
    requireNumbers({ minScore, vectorWeight, textWeight })
    const rows = await this.database.query<HybridRow>(sql.HYBRID, [
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
      weightOf(options),
    ])
    return rows.map(row => ({
      ...toHit(row),
      vectorRank: row.vector_rank,
      vectorScore: row.vector_score,
      textRank: row.text_rank,
      textScore: row.text_score,
    }))
  }

  facets(modelId: ModelId, options: FacetOptions): Promise<Facet[]> {
    return counts.facets(this.database, modelId, options)
  }

  places(modelId: ModelId, options: PlaceOptions): Promise<{ cells: PlaceCell[]; placed: number }> {
    return counts.places(this.database, modelId, options)
  }

  sharedWords(modelId: ModelId, options: SharedWordOptions): Promise<SharedWord[]> {
    return counts.sharedWords(this.database, modelId, options)
  }

  sharedConcepts(modelId: ModelId, options: SharedWordOptions): Promise<SharedWord[]> {
    return counts.sharedConcepts(this.database, modelId, options)
  }

  async *duplicatePairs(
    modelId: ModelId,
    options: DuplicateOptions,
    onProgress?: (searched: number, photos: number) => void,
    signal?: AbortSignal,
  ): AsyncGenerator<DuplicatePair> {
    const { threshold, labels = [], where = [], neighbours = 20, maxPairs } = options
    requireNumbers({ threshold })
    requireIntegers({ neighbours })
    const conditions = [labelsJson(labels), filtersJson(where)]
    const [chosen] = await this.database.query<{ method: string }>(sql.DUPLICATE_METHOD, [
      modelId,
      ...conditions,
      options.method ?? null,
    ])
    const { method } = chosen!
    const photos = await this.countPhotos(modelId)
    // An index finds a pair from either side, so two steps can return it.
    const found = new Set<string>()
    let searched = 0
    let left = maxPairs ?? null
    for (let after = ''; ; ) {
      signal?.throwIfAborted()
      const [step] = await this.database.query<{ last: string | null; photos: number }>(sql.END_OF_STEP, [
        modelId,
        after,
        STEP,
      ])
      const last = step!.last
      if (last === null) return
      const range = [method, neighbours, after, last]
      const pairs = await this.database.query<DuplicatePair & Record<string, unknown>>(sql.DUPLICATE_PAIRS, [
        modelId,
        threshold,
        ...conditions,
        ...range,
        left === null ? null : left + 1,
      ])
      if (left !== null && pairs.length > left)
        throw new AppError(
          'USAGE',
          `threshold: expected at most ${maxPairs} pairs, found more with a similarity of ${threshold}. Raise it, or add conditions.`,
        )
      for (const pair of pairs) {
        const key = `${pair.photoId} ${pair.otherId}`
        if (method === 'index' && found.has(key)) continue
        if (method === 'index') found.add(key)
        if (left !== null) left--
        yield pair
      }
      after = last
      searched += step!.photos
      onProgress?.(searched, photos)
    }
  }

  async pairsAmong(
    modelId: ModelId,
    photoIds: readonly string[],
    knownIds: readonly string[],
    threshold: number,
  ): Promise<DuplicatePair[]> {
    requireNumbers({ threshold })
    return this.database.query<DuplicatePair & Record<string, unknown>>(sql.PAIRS_AMONG, [
      modelId,
      photoIds,
      knownIds,
      threshold,
    ])
  }

  async duplicateGroups(modelId: ModelId, pairs: readonly DuplicatePair[]): Promise<DuplicateGroup[]> {
    const rows = await this.database.query<GroupRow>(sql.DUPLICATE_GROUPS, [
      modelId,
      pairs.map(pair => pair.photoId),
      pairs.map(pair => pair.otherId),
    ])
    const groups: DuplicateGroup[] = []
    for (const { representativeId, photoId, score } of rows) {
      if (groups.at(-1)?.representativeId !== representativeId) groups.push({ representativeId, members: [] })
      groups.at(-1)!.members.push({ photoId, score })
    }
    return groups
  }

  async addresses(photoIds: readonly string[]): Promise<Map<string, string>> {
    const found = new Map<string, string>()
    for (let i = 0; i < photoIds.length; i += ADDRESSES_AT_ONCE) {
      const ids = photoIds.slice(i, i + ADDRESSES_AT_ONCE)
      const rows = await this.database.query<{ photo_id: string; address: string }>(ADDRESSES, [ids])
      for (const { photo_id, address } of rows) found.set(photo_id, address)
    }
    return found
  }

  async photo(photoId: string): Promise<PhotoDetails | null> {
    const [row] = await this.database.query(PHOTO, [photoId])
    if (row === undefined) return null
    const states = await this.database.query<StateRow>(sql.PHOTO_STATES, [photoId])
    return {
      photo: toPhoto(row),
      states: states.map(state => ({
        modelId: state.model_id,
        modelKey: state.model,
        embeddedAt: state.embedded_at,
        storedKey: state.stored_key,
        failure:
          state.code === null
            ? null
            : { photoId, code: state.code, message: state.message!, attempts: state.attempts! },
        labels: state.labels ?? {},
      })),
    }
  }

  /** @param subject $9 and those that follow */
  async #hits(
    statement: string,
    modelId: ModelId,
    options: SearchOptions,
    ...subject: (string | number | null)[]
  ): Promise<Hit[]> {
    const { k, offset = 0, labels = [], where = [], minScore, after } = options
    requireIntegers({ k, offset })
    requireNumbers({ minScore, 'after.score': after?.score })
    const rows = await this.database.query<HitRow>(statement, [
      modelId,
      k,
      offset,
      labelsJson(labels),
      filtersJson(where),
      minScore ?? null,
      after?.score ?? null,
      after?.photoId ?? null,
      ...subject,
    ])
    return rows.map(toHit)
  }
}

/** @throws AppError USAGE */
function weightOf({ correctionWeight }: SearchOptions): number | null {
  requireNumbers({ correctionWeight })
  return correctionWeight ?? null
}
