-- requires: model_id_of
create or replace function define_cluster_set(set_name text, labels text[], clustering jsonb, model text default null) returns integer
language plpgsql as $$
declare
  of_model constant integer := model_id_of(model);
  of_set constant text := set_name;
  result integer;
begin
  if (set_name ~ '^[a-z][a-z0-9_]{0,62}$') is not true then
    raise exception 'the name of a label set has lower-case letters, digits and _, found %', coalesce(set_name, 'null') using errcode = 'UC005';
  end if;
  if coalesce(cardinality(labels), 0) = 0 or exists (select from unnest(labels) as label where coalesce(label, '') !~ '\S')
     or (select count(distinct lower(label)) from unnest(labels) as label) < cardinality(labels) then
    raise exception 'a name per cluster expected, all different, found %', coalesce(labels::text, 'null') using errcode = 'UC005';
  end if;
  if jsonb_typeof(clustering) is distinct from 'object' then
    raise exception 'clustering describes how the clusters were found, as a JSON object; found %', coalesce(clustering::text, 'null')
      using errcode = 'UC005';
  end if;
  perform label_lock(of_model, true);
  if exists (select from label_sets s where s.model_id = of_model and s.name = of_set and s.clustering is null) then
    raise exception 'the label set % has prompts or was trained, and clusters would replace it. Give the clusters another name, or remove that set first: unsplash-clip labels rm %',
      of_set, of_set using errcode = 'UC005';
  end if;
  delete from label_sets s where s.model_id = of_model and s.name = of_set;
  insert into label_sets (model_id, name, template, labels, clustering)
  values (of_model, of_set, format('clusters by %s', clustering->>'method'), labels, clustering)
  returning version into result;
  return result;
end $$;
comment on function define_cluster_set is
  'Stores a label set of clusters without their labels, in place of earlier clusters of that name, and returns the version to write label_rows under: in the same transaction, so that readers see the earlier clusters until all is there.';
