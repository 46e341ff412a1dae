create or replace function reference_rest(of_model integer, out compared bigint, out queued bigint) language plpgsql as $$
declare
  at_once constant integer := 2000;
  of_set reference_sets;
  photos text[];
  row_bytes integer := (select case when 2 * dimension < 1900 then 2 * dimension + 90 else 110 end from models where id = of_model);
  range_blocks bigint;
begin
  -- One looks, the others wait, and find what it left.
  perform pg_advisory_xact_lock(1668047987, of_model);
  perform label_lock(of_model, false);
  of_set := reference_set(of_model);
  -- A look into the index for each photo, whatever the statistics say: those of a set that was just written know none of its
  -- rows, and a join by them could take hours for a million photos.
  execute 'select array(
      select photo_id from (
        select e.photo_id, (select true from reference_scores s where s.version = $2 and s.photo_id = e.photo_id) as is_compared
          from embeddings e where e.model_id = $1
        offset 0) as photos
       where is_compared is null limit $3)'
    into photos using of_model, of_set.version, at_once + 1;
  compared := 0;
  queued := 0;
  if cardinality(photos) > at_once then
    range_blocks := ceil(at_once / floor(8160.0 / row_bytes));
    insert into reference_ranges (version, first_block, end_block)
    select of_set.version, first, first + range_blocks
      from (select max(pg_relation_size(relid)) / current_setting('block_size')::bigint as blocks
              from pg_partition_tree(format('embeddings_m%s', of_model)::regclass) where isleaf) as size
     cross join generate_series(0, blocks, range_blocks) as first
    on conflict do nothing;
    get diagnostics queued = row_count;
    return;
  end if;
  if cardinality(photos) > 0 then
    perform reference_batch(of_model, photos);
    compared := cardinality(photos);
  end if;
  update reference_sets s set complete = true where s.version = of_set.version and not s.complete;
end $$;
comment on function reference_rest is
  'Compares the photos that are not compared with the reference texts yet. If they are more than a few thousand, sets them aside in ranges for reference_page: queued says how many, and reference_rest must be called again afterwards.';
