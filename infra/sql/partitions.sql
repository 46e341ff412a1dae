-- Splits the embeddings of a model into partitions by hash of the photo's id. See docs/guides/scale.md.
--
-- The owner of the schema runs it in the project's database, after `npx unsplash-clip db migrate`:
--
--   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f infra/sql/partitions.sql
--   psql "$DATABASE_URL" -c "select split_embeddings(model_id_of('clip-vit-b-32'), 16)"
--
-- This is not a migration, because few databases are that large. Searches, writes and labels all use `embeddings`, so they
-- need no change.

create or replace function split_embeddings(of_model integer, parts integer) returns bigint language plpgsql as $$
declare
  name constant text := 'embeddings_m' || of_model;
  old_name constant text := name || '_old';
  model_dimension integer;
  leaf text;
  moved bigint;
begin
  if parts is null or not parts between 1 and 1024 then
    raise exception 'parts must be a whole number from 1 (one table again) to 1024, found %', coalesce(parts::text, 'null') using errcode = 'UC005';
  end if;
  select dimension into model_dimension from models where id = of_model;
  if model_dimension is null then
    raise exception 'there is no model with id %', of_model using errcode = 'UC003';
  end if;
  -- Detaching takes this lock anyway. Taking it first prevents a deadlock with a statement that writes.
  lock table embeddings in access exclusive mode;

  execute format('alter table embeddings detach partition %I', name);
  for leaf in select relname from pg_inherits join pg_class on pg_class.oid = inhrelid where inhparent = name::regclass loop
    execute format('alter table %I rename to %I', leaf, leaf || '_old');
    execute format('alter index %I rename to %I', leaf || '_pkey', leaf || '_old_pkey');
  end loop;
  execute format('alter table %I rename to %I', name, old_name);
  execute format('alter index %I rename to %I', name || '_pkey', old_name || '_pkey');

  execute format('create table %I partition of embeddings for values in (%s) %s', name, of_model,
                 case when parts > 1 then 'partition by hash (photo_id)' end);
  if parts > 1 then
    for n in 0 .. parts - 1 loop
      execute format('create table %I partition of %I for values with (modulus %s, remainder %s)', name || '_p' || n, name, parts, n);
    end loop;
  end if;
  -- As register_model does.
  execute format('alter table %I add constraint %I check (vector_dims(embedding) = %s)',
                 name, name || '_dimension', model_dimension);
  execute format('alter table %I add constraint %I check (l2_norm(embedding) between 0.999 and 1.001)',
                 name, name || '_unit_length');

  execute format('insert into %I select * from %I', name, old_name);
  get diagnostics moved = row_count;
  execute format('drop table %I', old_name);
  -- Its indexes are gone with it.
  delete from search_settings where model_id = of_model;
  execute format('analyze %I', name);
  return moved;
end $$;
comment on function split_embeddings is
  'Splits the embeddings of a model into partitions by hash of photo_id, or makes them one table again (1). Copies every '
  'row in one transaction, in which nobody else reads or writes embeddings; build vector indexes again afterwards. Returns '
  'the number of embeddings that were moved.';
revoke execute on function split_embeddings from public;
