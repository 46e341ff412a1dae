import type { Session } from '../connection.js'
import type { MigrationFiles } from '../schema/migration-files.js'

/** `text` is readable; `binary` is five times smaller for vectors. */
export type CopyFormat = 'text' | 'binary'

/** A table whose rows are copied. */
export interface CopiedTable {
  name: string
  /** Without generated ones. */
  columns: string[]
  format: CopyFormat
}

/**
 * Tables of the migrations that no copy contains, with the reason. All others are copied, so a new table is unless it is
 * added here.
 */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  host_limits: 'the pace of requests at this moment',
  workers: 'reports of living processes',
  prompt_requests: 'open questions to living workers; the answers are in prompt_embeddings',
  submissions: 'answers to requests of the last day, should they be repeated',
  label_ranges: 'blocks on the disk of this server; labelling finds the unlabelled photos again',
  reference_ranges: 'blocks on the disk of this server; models correct finds the photos that are not compared',
  photo_texts: 'computed from photos and keywords, with the stemmer of the server that searches them',
}

const CREATED_TABLE = /^\s*create (?:unlogged )?table (?:if not exists )?(\w+)/gim
const CREATED_SEQUENCE = /^\s*create sequence (?:if not exists )?(\w+)/gim

const TABLES = `
  select c.relname as name,
         array(select a.attname::text from pg_attribute a
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum)
           as columns,
         case when exists (select from pg_attribute a join pg_type t on t.oid = a.atttypid
                            where a.attrelid = c.oid and not a.attisdropped and t.typname in ('vector', 'halfvec'))
              then 'binary' else 'text' end as format,
         array(select distinct r.relname::text from pg_constraint f join pg_class r on r.oid = f.confrelid
                where f.conrelid = c.oid and f.contype = 'f' and f.conparentid = 0) as needs
    from pg_class c
   where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
     and c.relname = any ($1)
   order by c.relname`

const SEQUENCES = `
  select c.relname as name, pg_sequence_last_value(c.oid) as "lastValue"
    from pg_class c
   where c.relnamespace = current_schema()::regnamespace and c.relkind = 'S'
     and (c.relname = any ($1) or exists (
       select from pg_depend d join pg_class t on t.oid = d.refobjid
        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'i' and t.relname = any ($2)))
   order by c.relname`

/** Returns the tables to copy that a database has, each after those that its foreign keys name. */
export async function copiedTables(session: Session, files: MigrationFiles): Promise<CopiedTable[]> {
  const names = tableNames(files).filter(name => !(name in LEFT_OUT))
  const rows = await session.query<CopiedTable & { needs: string[] }>(TABLES, [names])
  return inOrder(rows).map(({ name, columns, format }) => ({ name, columns, format }))
}

/** Returns the last value of each sequence of the program; null: never used. */
export async function sequenceValues(session: Session, files: MigrationFiles): Promise<Record<string, number | null>> {
  const rows = await session.query<{ name: string; lastValue: number | null }>(SEQUENCES, [
    sequenceNames(files),
    tableNames(files),
  ])
  return Object.fromEntries(rows.map(({ name, lastValue }) => [name, lastValue]))
}

/** Names of the tables that the migrations create. */
export const tableNames = ({ tables }: MigrationFiles): string[] => created(tables, CREATED_TABLE)

/** Names of the sequences that the migrations create, without those of identity columns. */
export const sequenceNames = ({ tables }: MigrationFiles): string[] => created(tables, CREATED_SEQUENCE)

function created(files: MigrationFiles['tables'], pattern: RegExp): string[] {
  return [...new Set(files.flatMap(({ sql }) => [...sql.matchAll(pattern)].map(([, name]) => name!)))]
}

function inOrder<Table extends { name: string; needs: string[] }>(tables: readonly Table[]): Table[] {
  const byName = new Map(tables.map(table => [table.name, table]))
  const ordered = new Set<Table>()
  const visit = (table: Table): void => {
    for (const name of table.needs) {
      const needed = byName.get(name)
      if (needed !== undefined && needed !== table && !ordered.has(needed)) visit(needed)
    }
    ordered.add(table)
  }
  for (const table of tables) visit(table)
  return [...ordered]
}

/** Quotes a name for a statement. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** Returns the columns of a table for a statement. */
export const columnList = ({ columns }: CopiedTable): string => columns.map(quoted).join(', ')
