import type { Database } from '../../src/db/connection.js'

/** pg_type oids of what psql puts to the right of its column. */
const NUMERIC = new Set([20, 21, 23, 26, 700, 701, 790, 1700])

/** Runs a statement and shows its rows as psql does by default (aligned), without the line that counts them. */
export async function psqlTable(database: Database, sql: string): Promise<string> {
  const { fields, rows } = await database.pool.query({
    text: sql,
    rowMode: 'array',
    types: { getTypeParser: () => (text: string | Buffer) => String(text) },
  })
  const cells: string[][] = rows.map((row: (string | null)[]) => row.map(value => value ?? ''))
  const columns = fields.map(({ name, dataTypeID }, i) => ({
    name,
    toTheRight: NUMERIC.has(dataTypeID),
    width: Math.max(...[name, ...cells.map(row => row[i]!)].map(text => [...text].length)),
  }))
  const lines = [
    columns.map(({ name, width }) => ` ${centred(name, width)} `).join('|'),
    columns.map(({ width }) => '-'.repeat(width + 2)).join('+'),
    ...cells.map(row =>
      columns
        .map(({ toTheRight, width }, i) => ` ${toTheRight ? row[i]!.padStart(width) : row[i]!.padEnd(width)} `)
        .join('|'),
    ),
  ]
  return lines.map(line => line.trimEnd()).join('\n')
}

function centred(text: string, width: number): string {
  const free = width - [...text].length
  return text.padStart(text.length + Math.floor(free / 2)).padEnd(text.length + free)
}
