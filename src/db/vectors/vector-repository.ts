import type { PhotoColumn } from '../../domain/photo.js'
import type {
  VectorPage,
  VectorPages,
  VectorRepository,
  VectorSelection,
} from '../../domain/ports/vectors/vector-repository.js'
import type { Database } from '../connection.js'
import { COLUMN_NAMES } from '../ingest/photo-rows.js'
import { pagesById } from '../keyset-pages.js'
import { filtersJson, labelsJson } from '../search/hit-rows.js'
import { readHalfvecs } from '../vector.js'

const PAGE_SIZE = 1000

const CONDITIONS = `select conditions, needs_photos as "needsPhotos" from search_conditions($1, $2, $3)`

const LABELS = `
  (select jsonb_object_agg(l.set_name, jsonb_build_object('label', l.label, 'score', l.score))
     from photo_labels l where l.model_id = $1 and l.photo_id = e.photo_id) as labels`

interface Row extends Record<string, unknown> {
  id: string
  vector: Buffer
  stored_key: string | null
  labels?: VectorPage['labels'][number] | null
}

/** The photos of a selection: `from …`, for the parameters that follow its own. */
interface Source {
  sql: string
  /** $1 to $4: the model; ids or null; labels and filters, which the conditions read. */
  values: (ids: readonly string[] | null) => unknown[]
}

/** VectorRepository on Postgres. Vectors travel as bytes: half of the size of their text, and ten times faster to read. */
export class PostgresVectorRepository implements VectorRepository {
  constructor(private readonly database: Database) {}

  async count(selection: VectorSelection): Promise<number> {
    const { sql, values } = await this.#source(selection, false)
    const [row] = await this.#patiently<{ photos: number }>(
      `select count(*) as photos ${sql}`,
      values(selection.ids ?? null),
    )
    return row!.photos
  }

  async *read(selection: VectorSelection, pages: VectorPages = {}): AsyncGenerator<VectorPage> {
    const { after: start = '', pageSize = PAGE_SIZE, columns = [], withLabels = false, signal } = pages
    const wanted = COLUMN_NAMES.filter(name => columns.includes(name))
    const { sql, values } = await this.#source(selection, wanted.length > 0)
    const selected = ['e.photo_id as id', 'halfvec_send(e.embedding) as vector', 'e.stored_key']
    selected.push(...wanted.map(name => `p.${name}`), ...(withLabels ? [LABELS] : []))
    const statement = `select ${selected.join(', ')} ${sql} and e.photo_id > $5 order by e.photo_id limit $6`
    const fetch = (ids: readonly string[] | null, after: string): Promise<Row[]> => {
      signal?.throwIfAborted()
      return this.#patiently<Row>(statement, [...values(ids), after, pageSize])
    }
    if (selection.ids === undefined) {
      for await (const rows of pagesById(after => fetch(null, after), pageSize, start)) yield toPage(rows, wanted)
      return
    }
    const ids = [...new Set(selection.ids)].filter(id => id > start).sort()
    for (let from = 0; from < ids.length; from += pageSize) {
      const rows = await fetch(ids.slice(from, from + pageSize), start)
      if (rows.length > 0) yield toPage(rows, wanted)
    }
  }

  async #source({ modelId, filters = {} }: VectorSelection, withPhotos: boolean): Promise<Source> {
    const conditions = [labelsJson(filters.labels ?? []), filtersJson(filters.where ?? [])]
    const [made] = await this.database.query<{ conditions: string; needsPhotos: boolean }>(CONDITIONS, [
      modelId,
      ...conditions,
    ])
    // Its text holds names from fixed lists and numbers, never a value.
    const sql = `
      from embeddings e ${withPhotos || made!.needsPhotos ? 'join photos p on p.photo_id = e.photo_id' : ''}
     where e.model_id = $1 and ($2::text[] is null or e.photo_id = any ($2))
       and $3::jsonb is not null and $4::jsonb is not null ${made!.conditions}`
    return { sql, values: ids => [modelId, ids, ...conditions] }
  }

  /** Without timeout: with some conditions a page takes a look at every photo. */
  #patiently<R extends Record<string, unknown>>(sql: string, values: readonly unknown[]): Promise<R[]> {
    return this.database.transaction(session => session.query<R>(sql, values), { unlimited: true })
  }
}

function toPage(rows: readonly Row[], columns: readonly PhotoColumn[]): VectorPage {
  return {
    ids: rows.map(({ id }) => id),
    ...readHalfvecs(rows.map(({ vector }) => vector)),
    storedKeys: rows.map(row => row.stored_key),
    photos: rows.map(row => Object.fromEntries(columns.map(name => [name, row[name] ?? null]))),
    labels: rows.map(({ labels }) => labels ?? {}),
  }
}
