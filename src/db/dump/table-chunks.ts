import { MEBIBYTE } from '../../domain/units.js'
import { type CopiedTable, columnList, quoted } from './copied-tables.js'
import type { CopySession } from './copy-client.js'
import { RowDigest } from './row-digest.js'

/** Least output of a statement in memory; a table with long values outside of its rows may give several times as much. */
const CHUNK_BYTES = 8 * MEBIBYTE
const BLOCK_BYTES = 8192

const LEAVES = `
  select quote_ident(c.relname) as name, pg_relation_size(c.oid) as bytes, pg_table_size(c.oid) as "bytesInAll"
    from pg_partition_tree(to_regclass($1)) t join pg_class c on c.oid = t.relid where t.isleaf order by c.relname`
/** pg_partition_tree knows only partitioned tables. */
const ITSELF = `
  select quote_ident(c.relname) as name, pg_relation_size(c.oid) as bytes, pg_table_size(c.oid) as "bytesInAll"
    from pg_class c where c.oid = to_regclass($1) and c.relkind = 'r'`

interface Leaf extends Record<string, unknown> {
  name: string
  bytes: number
  bytesInAll: number
}

/** The rows of some blocks of a table. */
export interface TableChunk {
  /** A complete output of COPY. */
  data: Buffer
  digest: RowDigest
  /** Of the blocks of the whole table, how many are read, this chunk included: 0 to 1. */
  share: number
}

/** Returns the bytes of a table on the disk, for the progress of a copy. */
export async function tableBytes(session: CopySession, { name }: CopiedTable): Promise<number> {
  return (await leavesOf(session, name)).reduce((sum, { bytesInAll }) => sum + bytesInAll, 0)
}

/**
 * Yields the rows of a table as the snapshot of the transaction sees them, some blocks at a time: by position on the
 * disk, which needs no order and no key. Leaves out chunks without rows.
 */
export async function* tableChunks(session: CopySession, table: CopiedTable): AsyncGenerator<TableChunk> {
  const leaves = await leavesOf(session, table.name)
  const bytesInAll = leaves.reduce((sum, { bytes }) => sum + bytes, 0)
  let bytesBefore = 0
  for (const leaf of leaves) {
    const blocks = Math.ceil(leaf.bytes / BLOCK_BYTES)
    const step = blocksAtOnce(leaf)
    for (let first = 0; first < blocks; first += step) {
      const data = await session.copyOut(
        `copy (select ${columnList(table)} from only ${leaf.name} where ctid >= '(${first},0)' and ctid < '(${first + step},0)') to stdout (format ${table.format})`,
      )
      const digest = RowDigest.of(data, table.format)
      const read = bytesBefore + Math.min(blocks, first + step) * BLOCK_BYTES
      if (digest.rows > 0) yield { data, digest, share: read / bytesInAll }
    }
    bytesBefore += leaf.bytes
  }
}

/** Writes a chunk. @returns number of rows */
export function writeChunk(session: CopySession, table: CopiedTable, data: Buffer): Promise<number> {
  return session.copyIn(`copy ${quoted(table.name)} (${columnList(table)}) from stdin (format ${table.format})`, data)
}

/** Digests the rows of a table in a database. */
export async function digestTable(session: CopySession, table: CopiedTable): Promise<RowDigest> {
  const digest = new RowDigest()
  for await (const chunk of tableChunks(session, table)) digest.merge(chunk.digest)
  return digest
}

async function leavesOf(session: CopySession, table: string): Promise<Leaf[]> {
  const itself = await session.query<Leaf>(ITSELF, [quoted(table)])
  return itself.length > 0 ? itself : session.query<Leaf>(LEAVES, [quoted(table)])
}

/** A power of two, so that a table that grows a little is still cut in the same places. */
function blocksAtOnce({ bytes, bytesInAll }: Leaf): number {
  const blocks = CHUNK_BYTES / (BLOCK_BYTES * Math.max(1, bytesInAll / Math.max(1, bytes)))
  return 2 ** Math.max(0, Math.floor(Math.log2(blocks)))
}
