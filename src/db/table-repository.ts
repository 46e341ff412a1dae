import { DATASET_TABLES, type DatasetRow, type DatasetTable, type DatasetTableName } from '../domain/dataset-tables.js'
import type { TableRepository } from '../domain/ports/table-repository.js'
import type { Database } from './connection.js'
import { SQL_TYPES } from './photo-rows.js'

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

  async loadRows(table: DatasetTableName, rows: readonly DatasetRow[]): Promise<number> {
    if (rows.length === 0) return 0
    const description: DatasetTable = DATASET_TABLES[table]
    const distinct = merged(rows, description)
    const values = Object.keys(description.columns).map((_, i) => distinct.map(row => row[i]))
    const [result] = await this.database.query<{ written: number }>(UPSERTS[table], values)
    return result!.written
  }

  async finishLoad(table: DatasetTableName): Promise<void> {
    await this.database.query(`analyze photo_${table}`)
  }
}

/** One statement may not change a row twice: what comes twice is merged, later known values first. */
function merged(rows: readonly DatasetRow[], { columns, key }: DatasetTable): DatasetRow[] {
  const names = Object.keys(columns)
  const positions = key.map(column => names.indexOf(column))
  const byKey = new Map<string, DatasetRow>()
  for (const row of rows) {
    // No value holds a NUL: Postgres could not store it.
    const identity = positions.map(i => row[i]).join('\0')
    const earlier = byKey.get(identity)
    byKey.set(identity, earlier === undefined ? row : row.map((value, i) => value ?? earlier[i] ?? null))
  }
  return [...byKey.values()]
}

/** $1 …: one array a column. */
const UPSERTS = Object.fromEntries(
  Object.entries(DATASET_TABLES).map(([name, table]) => [name, upsert(name, table)]),
) as Record<DatasetTableName, string>

/**
 * Rows go in in the order of their keys, so that two loads at once wait for each other but never in a circle. A row that
 * would stay as it is is not written.
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
