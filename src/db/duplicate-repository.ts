import type {
  DuplicateGroup,
  DuplicateOptions,
  DuplicatePair,
  DuplicateRepository,
} from '../domain/ports/duplicates.js'
import type { ModelId } from '../domain/ports/repository.js'
import type { Database } from './connection.js'
import { filtersJson, labelsJson, requireIntegers, requireNumbers } from './hits.js'

/** Photos searched in one statement: a second or two of comparing each with 10,000 others. */
const STEP = 500

const COUNT = 'select count(*) as photos from embeddings where model_id = $1'
const END_OF_STEP = `
  select max(photo_id) as last, count(*) as photos
    from (select photo_id from embeddings where model_id = $1 and photo_id > $2 order by photo_id limit $3) as step`
const PAIRS = `
  select photo_id as "photoId", other_id as "otherId", score
    from near_duplicates($2, $1::integer::text, $3, $4, $5, $6, after_photo => $7, up_to_photo => $8)`
const METHOD = 'select duplicate_method($1, $2, $3, $4) as method'
const GROUPS = `
  select representative_id as "representativeId", photo_id as "photoId", score
    from group_pairs($2, $3, $1::integer::text)`

interface GroupRow extends Record<string, unknown> {
  representativeId: string
  photoId: string
  score: number
}

/** DuplicateRepository on Postgres: a thin layer over the functions `near_duplicates` and `group_pairs`. */
export class PostgresDuplicateRepository implements DuplicateRepository {
  constructor(private readonly database: Database) {}

  async *pairs(
    modelId: ModelId,
    options: DuplicateOptions,
    onProgress?: (searched: number, photos: number) => void,
    signal?: AbortSignal,
  ): AsyncGenerator<DuplicatePair> {
    const { threshold, labels = [], where = [], neighbours = 20 } = options
    requireNumbers({ threshold })
    requireIntegers({ neighbours })
    const conditions = [labelsJson(labels), filtersJson(where)]
    const [{ method }] = (await this.database.query<{ method: string }>(METHOD, [
      modelId,
      ...conditions,
      options.method ?? null,
    ])) as [{ method: string }]
    const [{ photos }] = (await this.database.query<{ photos: number }>(COUNT, [modelId])) as [{ photos: number }]
    // With an index a pair is found from either side, in two steps that may lie far apart.
    const found = new Set<string>()
    let searched = 0
    for (let after = ''; ; ) {
      signal?.throwIfAborted()
      const [step] = await this.database.query<{ last: string | null; photos: number }>(END_OF_STEP, [
        modelId,
        after,
        STEP,
      ])
      const last = step!.last
      if (last === null) return
      const pairs = await this.database.query<DuplicatePair & Record<string, unknown>>(PAIRS, [
        modelId,
        threshold,
        ...conditions,
        method,
        neighbours,
        after,
        last,
      ])
      for (const pair of pairs) {
        const key = `${pair.photoId} ${pair.otherId}`
        if (method === 'index' && found.has(key)) continue
        if (method === 'index') found.add(key)
        yield pair
      }
      after = last
      searched += step!.photos
      onProgress?.(searched, photos)
    }
  }

  async groups(modelId: ModelId, pairs: readonly DuplicatePair[]): Promise<DuplicateGroup[]> {
    const rows = await this.database.query<GroupRow>(GROUPS, [
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
}
