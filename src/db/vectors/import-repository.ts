import { PHOTO_COLUMNS, type PhotoColumn } from '../../domain/photo.js'
import type {
  ImportRepository,
  VectorImport,
  VectorPage,
  WrittenVectors,
} from '../../domain/ports/vectors/import-repository.js'
import type { Database } from '../connection.js'
import { SQL_TYPES, storable } from '../ingest/photo-rows.js'
import { writeAllButRefused } from '../ingest/refused-rows.js'
import { binaryHalfvecs, binaryTexts } from './binary-arrays.js'

/** A finished import begins from the start. */
const BEGIN = `
  insert into imports as i (model_id, digest, source) values ($1, $2, $3)
  on conflict (model_id, digest) do update
     set rows_done = case when i.finished_at is null then i.rows_done else 0 end, finished_at = null,
         started_at = case when i.finished_at is null then i.started_at else now() end
  returning rows_done as "rowsDone"`
const REACHED = 'update imports set rows_done = greatest(rows_done, $3) where model_id = $1 and digest = $2'
const FINISH = 'update imports set finished_at = now() where model_id = $1 and digest = $2'
const ANALYZE = 'analyze photos, embeddings, label_rows'
const HALFVEC = `select 'halfvec'::regtype::oid::integer as oid`
/**
 * Functions compare their tables with an array of thousands of ids. A generic plan for a table that was empty a moment ago
 * reads the table as a whole and, for each row of it, the array: 1,000 rows per second instead of many thousand.
 */
const PLAN_BY_INDEX = `
  select set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true)`
const WRITE = 'select added, replaced from import_vectors($1, $2::text[], $3::halfvec[])'

/** ImportRepository on Postgres. Vectors travel in binary form: a third of the bytes of their text, and no parsing. */
export class PostgresImportRepository implements ImportRepository {
  #halfvec: Promise<number> | undefined

  constructor(private readonly database: Database) {}

  async begin({ modelId, digest, source }: VectorImport): Promise<number> {
    const [row] = await this.database.query<{ rowsDone: number }>(BEGIN, [modelId, digest, storable(source)])
    return row!.rowsDone
  }

  async write({ modelId, digest }: VectorImport, page: VectorPage): Promise<WrittenVectors> {
    const oid = await this.#oid()
    const { photos, halves, columns } = page
    const dimension = photos.length === 0 ? 0 : halves.length / photos.length
    const upsert = upsertPhotos([...columns])
    let [added, replaced] = [0, 0]
    const { refused } = await writeAllButRefused(
      photos.map((photo, row) => ({ photo, row })),
      async some => {
        const first = some[0]!.row
        const ids = binaryTexts(some.map(({ photo }) => photo.photo_id))
        const vectors = binaryHalfvecs(
          halves.subarray(first * dimension, (first + some.length) * dimension),
          dimension,
          oid,
        )
        const values = [...columns].map(column => some.map(({ photo }) => storable(photo[column])))
        const [counts] = await this.database.transaction(async session => {
          await session.query(PLAN_BY_INDEX)
          await session.query(upsert, [ids, ...values])
          return session.query<{ added: number; replaced: number }>(WRITE, [modelId, ids, vectors])
        })
        added += counts!.added
        replaced += counts!.replaced
        return some.length
      },
    )
    await this.database.query(REACHED, [modelId, digest, page.rowsDone])
    return { added, replaced, refused }
  }

  async finish({ modelId, digest }: VectorImport): Promise<void> {
    await this.database.query(FINISH, [modelId, digest])
    await this.database.transaction(session => session.query(ANALYZE), { unlimited: true })
  }

  /** The number of the type differs from one database to another. */
  #oid(): Promise<number> {
    this.#halfvec ??= this.database.query<{ oid: number }>(HALFVEC).then(([row]) => row!.oid)
    this.#halfvec.catch(() => {
      this.#halfvec = undefined
    })
    return this.#halfvec
  }
}

/**
 * The upsert of photos with the columns that an input has: $1 the ids, then one array per column. Null, and an empty address,
 * never replace a known value. Unchanged rows are not written. It writes in the order of the ids, so that two imports
 * never deadlock.
 */
function upsertPhotos(columns: readonly PhotoColumn[]): string {
  const others = columns.filter(column => column !== 'photo_image_url')
  const places = columns.map((column, i) => `$${i + 2}::${SQL_TYPES[PHOTO_COLUMNS[column]]}[]`)
  const given = `unnest(${['$1::text[]', ...places].join(', ')}) as given (${['photo_id', ...columns].join(', ')})`
  const url = columns.includes('photo_image_url') ? `coalesce(given.photo_image_url, '')` : `''`
  const insert = `
    insert into photos as p (${['photo_id', 'photo_image_url', ...others].join(', ')})
    select ${['given.photo_id', url, ...others.map(column => `given.${column}`)].join(', ')}
      from ${given} order by given.photo_id collate "C"`
  if (columns.length === 0) return `${insert} on conflict (photo_id) do nothing`
  const known = columns.map(column =>
    column === 'photo_image_url'
      ? `coalesce(nullif(excluded.${column}, ''), p.${column})`
      : `coalesce(excluded.${column}, p.${column})`,
  )
  return `${insert}
    on conflict (photo_id) do update set ${columns.map((column, i) => `${column} = ${known[i]}`).join(', ')}
     where (${columns.map(column => `p.${column}`).join(', ')}) is distinct from (${known.join(', ')})`
}
