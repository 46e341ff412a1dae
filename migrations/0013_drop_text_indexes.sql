-- Earlier builds made a second index for searches by text, in a space of its own. It won only on the corpus it was designed
-- with, so one index serves both kinds of query. Nothing knows the old index any more: drop it, the functions of its space,
-- and the settings that name it. Searches by text are exact then, until they are tuned for another index.
do $$
declare
  leftover text;
begin
  delete from search_settings where index_name ~ '^embeddings_m[0-9]+_text(_building)?$';
  for leftover in
    select i.oid::regclass::text from models m
      join pg_index x on x.indrelid = to_regclass('embeddings_m' || m.id)
      join pg_class i on i.oid = x.indexrelid
     where i.relname in ('embeddings_m' || m.id || '_text', 'embeddings_m' || m.id || '_text_building')
  loop
    execute 'drop index ' || leftover;
  end loop;
  for leftover in
    select p.oid::regprocedure::text from pg_proc p
     where p.pronamespace = (select relnamespace from pg_class where oid = 'models'::regclass)
       and p.proname ~ '^text_(space|query)_m[0-9]+(_building)?$'
  loop
    execute 'drop function ' || leftover;
  end loop;
end $$;
