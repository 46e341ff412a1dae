import {
  DATASET_TABLES,
  type DatasetRow,
  type DatasetTable,
  type DatasetTableName,
} from '../../domain/dataset-tables.js'
import type { RefusedRow } from '../../domain/ports/repository.js'
import type { TableRepository } from '../../domain/ports/table-repository.js'
import type { Database } from '../connection.js'
import { SQL_TYPES } from './photo-rows.js'
import { writeAllButRefused } from './refused-rows.js'

const HAS_PHOTOS = 'select exists (select from photos) as present'
const KNOWN_PHOTOS = 'select photo_id from photos where photo_id = any($1::text[])'

/** TableRepository on Postgres. */
export class PostgresTableRepository implements TableRepository {
  constructor(private readonly database: Database) {}

  async hasPhotos(): Promise<boolean> {
    const [row] = await this.database.query<{ present: boolean }>(HAS_PHOTOS)
    return row!.present
  }

  async knownPhotos(photoIds: readonly string[]): Promise<Set<string>> {
    const rows = await this.database.query<{ photo_id: string }>(KNOWN_PHOTOS, [photoIds])
    return new Set(rows.map(row => row.photo_id))
  }

  loadRows(table: DatasetTableName, rows: readonly DatasetRow[]): Promise<{ written: number; refused: RefusedRow[] }> {
    const description: DatasetTable = DATASET_TABLES[table]
    return writeAllButRefused(rows, async some => {
      const distinct = merged(some, description)
      const values = Object.keys(description.columns).map((_, i) => distinct.map(row => row[i]))
      const [result] = await this.database.query<{ written: number }>(UPSERTS[table], values)
      return result!.written
    })
  }

  async finishLoad(table: DatasetTableName): Promise<void> {
    await this.database.query(`analyze photo_${table}`)
  }
}

/** Merges duplicate rows, because a statement may not change a row twice. Later known values win. */
function merged(rows: readonly DatasetRow[], { columns, key }: DatasetTable): DatasetRow[] {
  const names = Object.keys(columns)
  const positions = key.map(column => names.indexOf(column))
  const byKey = new Map<string, DatasetRow>()
  for (const row of rows) {
    // No value contains NUL, which Postgres cannot store.
    const identity = positions.map(i => row[i]).join('\0')
    const earlier = byKey.get(identity)
    byKey.set(identity, earlier === undefined ? row : row.map((value, i) => value ?? earlier[i] ?? null))
  }
  return [...byKey.values()]
}

/** $1 …: one array per column. */
const UPSERTS = Object.fromEntries(
  Object.entries(DATASET_TABLES).map(([name, table]) => [name, upsert(name, table)]),
) as Record<DatasetTableName, string>

/**
 * Returns the upsert of a table. It writes rows in the order of their keys, so that two concurrent loads never
 * deadlock, and does not write unchanged rows.
 */
function upsert(name: string, { columns, key }: DatasetTable): string {
  const names = Object.keys(columns)
  const arrays = names.map((column, i) => `$${i + 1}::${SQL_TYPES[columns[column]!]}[]`)
  const order = key.map(column => (columns[column] === 'text' ? `${column} collate "C"` : column))
  const others = names.filter(column => !key.includes(column))
  const known = others.map(column => `coalesce(excluded.${column}, old.${column})`)
  const update = `update set ${others.map((column, i) => `${column} = ${known[i]}`).join(', ')}
      where (${others.map(column => `old.${column}`).join(', ')}) is distinct from (${known.join(', ')})`
  return `
    with written as (
      insert into photo_${name} as old (${names.join(', ')})
      select * from unnest(${arrays.join(', ')}) as given (${names.join(', ')})
       order by ${order.join(', ')}
      on conflict (${key.join(', ')}) do ${others.length === 0 ? 'nothing' : update}
      returning 1
    )
    select count(*) as written from written`
}
