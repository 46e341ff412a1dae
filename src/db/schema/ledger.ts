import type { Session } from '../connection.js'

/** The ledger: two tables with the applied files, which exist before all others. */
const CREATE = `
  create table if not exists schema_migrations (
    name text primary key,
    sha256 text not null,
    applied_at timestamptz not null default clock_timestamp()
  );
  comment on table schema_migrations is 'The numbered files of migrations/ that were applied to this database.';
  comment on column schema_migrations.name is 'Name of the file, without .sql.';
  comment on column schema_migrations.sha256 is 'Digest of the file when it was applied. The file must not change afterwards.';
  comment on column schema_migrations.applied_at is 'When it was applied.';

  create table if not exists schema_functions (
    name text primary key,
    signature text not null,
    sha256 text not null,
    fingerprint text not null,
    server_version integer not null,
    applied_by text not null,
    applied_at timestamptz not null default clock_timestamp()
  );
  comment on table schema_functions is
    'The functions and views of migrations/functions/ as they were last applied. "unsplash-clip db status" compares them with those in the database.';
  comment on column schema_functions.name is 'Name of the function or view, and of its file.';
  comment on column schema_functions.signature is 'Qualified name; for a function with the types of its parameters.';
  comment on column schema_functions.sha256 is 'Digest of the file when it was applied. A file that has changed is applied again.';
  comment on column schema_functions.fingerprint is 'Digest of the definition in the catalog after it was applied.';
  comment on column schema_functions.server_version is
    'Major version of the server that applied it. Servers of different versions print views differently.';
  comment on column schema_functions.applied_by is 'Version of unsplash-clip that applied it.';
  comment on column schema_functions.applied_at is 'When it was applied.'`
const EXISTING = `
  select to_regclass('schema_migrations') is not null as tables, to_regclass('schema_functions') is not null as functions`
const READ_TABLES = 'select name, sha256, applied_at from schema_migrations order by name'
const READ_FUNCTIONS = `
  select name, signature, sha256, fingerprint, server_version, applied_by, applied_at from schema_functions order by name`
const ADD_TABLE = 'insert into schema_migrations (name, sha256) values ($1, $2)'
const ADD_FUNCTIONS = `
  insert into schema_functions (name, signature, sha256, fingerprint, server_version, applied_by)
  select name, signature, sha256, fingerprint, current_setting('server_version_num')::integer / 10000, $5
    from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as new (name, signature, sha256, fingerprint)
  on conflict (name) do update
     set signature = excluded.signature, sha256 = excluded.sha256, fingerprint = excluded.fingerprint,
         server_version = excluded.server_version, applied_by = excluded.applied_by, applied_at = clock_timestamp()`
const REMOVE_FUNCTIONS = 'delete from schema_functions where name = any ($1)'

export interface AppliedTables extends Record<string, unknown> {
  name: string
  sha256: string
  applied_at: Date
}

export interface AppliedFunction extends Record<string, unknown> {
  name: string
  /** Qualified name, for a function with the types of its parameters. Usable in statements. */
  signature: string
  sha256: string
  /** Fingerprint of the definition in the catalog. */
  fingerprint: string
  /** Major version of the server. */
  server_version: number
  /** Version of this package. */
  applied_by: string
  applied_at: Date
}

export interface Ledger {
  tables: AppliedTables[]
  functions: AppliedFunction[]
}

export async function createLedger(session: Session): Promise<void> {
  await session.query(CREATE)
}

export async function readLedger(session: Session): Promise<Ledger> {
  const [existing] = await session.query<{ tables: boolean; functions: boolean }>(EXISTING)
  return {
    tables: existing!.tables ? await session.query<AppliedTables>(READ_TABLES) : [],
    functions: existing!.functions ? await session.query<AppliedFunction>(READ_FUNCTIONS) : [],
  }
}

export async function recordTables(session: Session, { name, sha256 }: Pick<AppliedTables, 'name' | 'sha256'>) {
  await session.query(ADD_TABLE, [name, sha256])
}

export async function recordFunctions(
  session: Session,
  functions: readonly Pick<AppliedFunction, 'name' | 'signature' | 'sha256' | 'fingerprint'>[],
  appliedBy: string,
): Promise<void> {
  const column = (key: 'name' | 'signature' | 'sha256' | 'fingerprint') => functions.map(one => one[key])
  await session.query(ADD_FUNCTIONS, [
    column('name'),
    column('signature'),
    column('sha256'),
    column('fingerprint'),
    appliedBy,
  ])
}

export async function forgetFunctions(session: Session, names: readonly string[]): Promise<void> {
  await session.query(REMOVE_FUNCTIONS, [names])
}
