import type { Session } from '../../../src/db/connection.js'

const ITEMS = `
  with mine as (
    select c.* from pg_class c
     where c.relnamespace = 'public'::regnamespace
       and not exists (select from pg_depend d where d.objid = c.oid and d.classid = 'pg_class'::regclass and d.deptype = 'e')
  ), routines as (
    select p.* from pg_proc p
     where p.pronamespace = 'public'::regnamespace
       and not exists (select from pg_depend d where d.objid = p.oid and d.classid = 'pg_proc'::regclass and d.deptype = 'e')
  )
  select 'relation' as kind, c.oid::regclass::text as name,
         concat_ws(' ', c.relkind, c.relpersistence, c.reloptions::text, pg_get_partkeydef(c.oid),
                   case when c.relkind = 'v' then pg_get_viewdef(c.oid) when c.relkind = 'i' then pg_get_indexdef(c.oid) end) as definition,
         obj_description(c.oid, 'pg_class') as comment
    from mine c
  union all
  select 'column', c.oid::regclass || '.' || a.attname,
         concat_ws(' ', a.attnum, format_type(a.atttypid, a.atttypmod), nullif(a.attcollation, 0)::regcollation,
                   case when a.attnotnull then 'not null' end, a.attidentity, pg_get_expr(d.adbin, d.adrelid)),
         col_description(c.oid, a.attnum)
    from mine c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
   where c.relkind in ('r', 'p', 'v')
  union all
  select 'constraint', o.conrelid::regclass || '.' || o.conname, pg_get_constraintdef(o.oid), obj_description(o.oid, 'pg_constraint')
    from pg_constraint o join mine c on c.oid = o.conrelid
  union all
  select 'trigger', t.tgrelid::regclass || '.' || t.tgname, pg_get_triggerdef(t.oid), obj_description(t.oid, 'pg_trigger')
    from pg_trigger t join mine c on c.oid = t.tgrelid where not t.tgisinternal
  union all
  select 'sequence', s.seqrelid::regclass::text, row(s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax)::text, null
    from pg_sequence s join mine c on c.oid = s.seqrelid
  union all
  select 'function', p.oid::regprocedure::text, pg_get_functiondef(p.oid), obj_description(p.oid, 'pg_proc')
    from routines p
  order by 1, 2`

export interface SchemaItem extends Record<string, unknown> {
  kind: string
  name: string
  definition: string
  comment: string | null
}

/** Everything of the schema that can be written in SQL, as this server prints it. */
export function describeSchema(session: Session): Promise<SchemaItem[]> {
  return session.query<SchemaItem>(ITEMS)
}
