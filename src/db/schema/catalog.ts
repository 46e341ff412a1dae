import type { Session } from '../connection.js'

/**
 * Functions and views in the catalog of a database. A signature is the qualified name, for a function with the types of
 * its parameters. It can be used in statements.
 */

/** Makes Postgres print names with their schema, for every search path of the user. */
const PLAIN_SEARCH_PATH = `select set_config('search_path', 'pg_catalog', true)`
const SEARCH_PATH = `select current_setting('search_path') as path, current_schema() as schema`
const SET_SEARCH_PATH = `select set_config('search_path', $1, true)`

const NAMED = `
  select p.proname as name, p.oid::regprocedure::text as signature
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
   where n.nspname = $1 and p.proname = any ($2)
     and not exists (select from pg_depend d where d.objid = p.oid and d.classid = 'pg_proc'::regclass and d.deptype = 'e')
  union all
  select c.relname, c.oid::regclass::text
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where n.nspname = $1 and c.relname = any ($2) and c.relkind = 'v'`

/**
 * Definition of functions and views. For a function: everything in its file, and the triggers that call it. The body is
 * the original text, so every version of Postgres gives the same. Leaves out additions of infra/sql/roles.sql (security
 * definer and search_path). Ids from 16384 on belong to users' objects.
 */
const FINGERPRINTS = `
  select p.oid::regprocedure::text as signature,
         md5(concat_ws(chr(1), p.prokind, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), l.lanname,
           p.provolatile, p.proisstrict, p.proparallel, p.prosrc,
           array(select setting from unnest(p.proconfig) as setting where setting not like 'search_path=%' order by setting),
           -- Not those that Postgres copies to each partition.
           array(select pg_get_triggerdef(t.oid) from pg_trigger t
                  where t.tgfoid = p.oid and not t.tgisinternal and t.tgparentid = 0 order by 1)))
           as fingerprint
    from pg_proc p join pg_language l on l.oid = p.prolang
   where p.oid >= 16384 and p.oid::regprocedure::text = any ($1)
  union all
  select c.oid::regclass::text, md5(pg_get_viewdef(c.oid))
    from pg_class c where c.relkind = 'v' and c.oid >= 16384 and c.oid::regclass::text = any ($1)`

/** Objects that block a drop of the object, the first one to drop first. */
const DEPENDENTS = `
  with recursive dependents (classid, objid, depth) as (
    (select 'pg_proc'::regclass::oid, p.oid, 0 from pg_proc p where p.oid::regprocedure::text = $1
      union all
     select 'pg_class'::regclass::oid, c.oid, 0 from pg_class c where c.relkind = 'v' and c.oid::regclass::text = $1)
    union
    select case when r.oid is null then d.classid else 'pg_class'::regclass::oid end, coalesce(r.ev_class, d.objid),
           dependents.depth + 1
      from dependents
      join pg_depend d on d.refclassid = dependents.classid and d.refobjid = dependents.objid
      left join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
     where r.ev_class is distinct from dependents.objid
  ), named as (
    select case classid when 'pg_proc'::regclass then objid::regprocedure::text
                        when 'pg_class'::regclass then objid::regclass::text end as signature, depth
      from dependents
  )
  select signature from named where signature is not null group by signature order by max(depth) desc, signature`

export interface Definition extends Record<string, unknown> {
  signature: string
  fingerprint: string
}

/** Runs work in a transaction while names are printed with their schema. @param work receives the project's schema */
export async function withPlainNames<T>(session: Session, work: (schema: string) => Promise<T>): Promise<T> {
  const [before] = await session.query<{ path: string; schema: string }>(SEARCH_PATH)
  await session.query(PLAIN_SEARCH_PATH)
  const result = await work(before!.schema)
  await session.query(SET_SEARCH_PATH, [before!.path])
  return result
}

/** Returns the signatures of functions and views, by name. */
export function signaturesOf(session: Session, names: readonly string[]): Promise<Map<string, string[]>> {
  return withPlainNames(session, async schema => {
    const rows = await session.query<{ name: string; signature: string }>(NAMED, [schema, names])
    const signatures = new Map<string, string[]>()
    for (const { name, signature } of rows) signatures.set(name, [...(signatures.get(name) ?? []), signature])
    return signatures
  })
}

/** Returns the fingerprint of each definition by its signature. Leaves out missing ones. */
export function fingerprintsOf(session: Session, signatures: readonly string[]): Promise<Map<string, string>> {
  return withPlainNames(session, async () => {
    const rows = await session.query<Definition>(FINGERPRINTS, [signatures])
    return new Map(rows.map(row => [row.signature, row.fingerprint]))
  })
}

/** Returns the object and its dependents, in an order in which they can be dropped. */
export function dependentsOf(session: Session, signature: string): Promise<string[]> {
  return withPlainNames(session, async () => {
    const rows = await session.query<{ signature: string }>(DEPENDENTS, [signature])
    return rows.map(row => row.signature)
  })
}

export function dropStatement(signature: string): string {
  return `drop ${signature.endsWith(')') ? 'routine' : 'view'} ${signature}`
}
