create or replace function measure_image_region() returns trigger language plpgsql as $$
declare
  name constant text := 'embeddings_m' || new.model_id;
  wanted constant integer := 2000;
  photos constant double precision := (
    select sum(c.reltuples) from pg_partition_tree(to_regclass(name)) t join pg_class c on c.oid = t.relid
     where t.isleaf and c.reltuples > 0);
  region image_regions;
begin
  if to_regclass(name) is null then
    return null;
  end if;
  -- Pages at random: ordering a million photos by chance takes longer than reading the sample.
  execute format(
    'with sample as materialized (
       select embedding::vector as photo from %I tablesample system (%s) repeatable (1) limit %s
     ), mean as (
       select l2_normalize(avg(photo)) as centre, count(*) as photos from sample
     )
     select $1, mean.centre, scores.lowest, scores.highest, mean.photos, now()
       from mean
      cross join lateral (
        select percentile_cont(0.05) within group (order by 1 - (photo <=> mean.centre)) as lowest,
               percentile_cont(0.95) within group (order by 1 - (photo <=> mean.centre)) as highest from sample) as scores
      where vector_norm(mean.centre) > 0',
    name, case when photos > wanted then 100 * wanted / photos else 100 end, wanted) into region using new.model_id;
  delete from image_regions r where r.model_id = new.model_id;
  if region.model_id is not null then
    insert into image_regions select region.*;
  end if;
  return null;
end $$;
comment on function measure_image_region is
  'Trigger: measures where the photos of a model lie, for query_kind, whenever a setting of its searches is written.';

create or replace trigger measure_image_region after insert or update on search_settings
  for each row execute function measure_image_region();
