-- requires: group_pairs, near_duplicates
create or replace function duplicate_groups(
  threshold double precision default 0.95, model text default null,
  labels jsonb default '[]', filters jsonb default '[]', method text default null, neighbours integer default 20
) returns table (group_number bigint, photo_id text, representative_id text, photos bigint, score double precision)
language sql stable as $$
  select g.* from (
    select coalesce(array_agg(d.photo_id), '{}') as photo_ids, coalesce(array_agg(d.other_id), '{}') as other_ids
      from near_duplicates(duplicate_groups.threshold, duplicate_groups.model, duplicate_groups.labels,
                           duplicate_groups.filters, duplicate_groups.method, duplicate_groups.neighbours) as d) as pairs
   cross join lateral group_pairs(pairs.photo_ids, pairs.other_ids, duplicate_groups.model) as g
$$;
comment on function duplicate_groups is
  'The pairs of near_duplicates as groups: photos that are connected by pairs, directly or through others. See group_pairs.';
