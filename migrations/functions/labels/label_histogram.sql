-- requires: model_id_of
create or replace function label_histogram(set_name text, model text default null)
returns table (label text, photos bigint, share double precision) language sql stable as $$
  select names.label, count(l.version), count(l.version) / nullif(sum(count(l.version)) over (), 0)::double precision
    from label_sets s
   cross join unnest(s.labels) with ordinality as names (label, position)
    left join label_rows l on l.version = s.version and l.label = names.label
   where s.model_id = model_id_of(label_histogram.model) and s.name = label_histogram.set_name
   group by names.label, names.position order by names.position
$$;
comment on function label_histogram is 'Number of photos per label of a set, in the order of the set.';
