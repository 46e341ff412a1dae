-- requires: label_definitions
create or replace function label_rest(of_model integer, of_set text, out labelled bigint, out queued bigint) language plpgsql
-- Set here, so that changes inside end with the function.
set enable_nestloop = on
as $$
declare
  at_once constant integer := 5000;
  definition label_definitions;
  photos text[];
  row_bytes integer := (select case when 2 * dimension < 1900 then 2 * dimension + 90 else 110 end from models where id = of_model);
  range_blocks bigint;
begin
  -- One looks, the others wait, and find what it left.
  perform pg_advisory_xact_lock(1668047987, of_model);
  perform label_lock(of_model, false);
  definition := label_definition(of_model, of_set);
  -- One pass over both tables, whatever the statistics say: those of a set that was just written know none of its rows, and the
  -- planner would join as if there were none, or look for each photo among all rows of the set by the index of labels. Either
  -- takes hours for a million photos.
  perform set_config('enable_nestloop', 'off', true);
  execute 'select array(
      select e.photo_id from embeddings e
       where e.model_id = $1
         and not exists (select from label_rows l where l.version = $2 and l.photo_id = e.photo_id) limit $3)'
    into photos using of_model, definition.version, at_once + 1;
  perform set_config('enable_nestloop', 'on', true);
  labelled := 0;
  queued := 0;
  if cardinality(photos) > at_once then
    range_blocks := ceil(at_once / floor(8160.0 / row_bytes));
    insert into label_ranges (version, first_block, end_block)
    select definition.version, first, first + range_blocks
      from (select max(pg_relation_size(relid)) / current_setting('block_size')::bigint as blocks
              from pg_partition_tree(format('embeddings_m%s', of_model)::regclass) where isleaf) as size
     cross join generate_series(0, blocks, range_blocks) as first
    on conflict do nothing;
    get diagnostics queued = row_count;
    return;
  end if;
  if cardinality(photos) > 0 then
    perform label_batch(of_model, of_set, photos);
    labelled := cardinality(photos);
  end if;
  update label_changes c set complete = true where c.version = definition.version;
end $$;
comment on function label_rest is
  'Labels the photos that have no label yet. If they are more than a few thousand, sets them aside in ranges for label_page: queued says how many, and label_rest must be called again afterwards.';
