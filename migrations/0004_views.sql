-- Labels and progress, for people at psql.

create function label_histogram(set_name text, model text default null)
returns table (label text, photos bigint, share double precision) language sql stable as $$
  select names.label, count(l.photo_id), count(l.photo_id) / nullif(sum(count(l.photo_id)) over (), 0)::double precision
    from label_sets s
   cross join unnest(s.labels) with ordinality as names (label, position)
    left join photo_labels l on l.model_id = s.model_id and l.set_name = s.name and l.label = names.label
   where s.model_id = model_id_of(label_histogram.model) and s.name = label_histogram.set_name
   group by names.label, names.position order by names.position
$$;
comment on function label_histogram is 'How many photos got each label of a set, in the order of the set.';

create function label_sample(set_name text, size integer, seed bigint default 1, model text default null)
returns table (label text, photo_id text, score real) language sql stable as $$
  select names.label, drawn.photo_id, drawn.score
    from label_sets s
   cross join unnest(s.labels) with ordinality as names (label, position)
   cross join lateral (
      select l.photo_id, l.score, md5(label_sample.seed || ':' || l.photo_id) collate "C" as lot from photo_labels l
       where l.model_id = s.model_id and l.set_name = s.name and l.label = names.label
       order by lot, l.photo_id limit greatest(label_sample.size, 0)) as drawn
   where s.model_id = model_id_of(label_sample.model) and s.name = label_sample.set_name
   order by names.position, drawn.lot, drawn.photo_id
$$;
comment on function label_sample is 'Random photos of each label; the same for the same seed.';

create view photo_status as
  select p.photo_id, m.name || '@' || m.precision as model, m.id as model_id,
         case when e.photo_id is not null then 'embedded' when f.photo_id is not null then 'failed' else 'missing' end as state,
         e.created_at as embedded_at, e.stored_key, f.code, f.message, f.attempts, f.failed_at
    from photos p cross join models m
    left join embeddings e on e.model_id = m.id and e.photo_id = p.photo_id
    left join failures f on f.model_id = m.id and f.photo_id = p.photo_id;
comment on view photo_status is 'Every photo under every model: embedded, failed (with the reason) or missing.';

create view labelled_photos as
  select l.photo_id, m.name || '@' || m.precision as model, l.model_id,
         jsonb_object_agg(l.set_name, l.label) as labels,
         jsonb_object_agg(l.set_name, l.score) as scores
    from photo_labels l join models m on m.id = l.model_id
   group by l.photo_id, m.name, m.precision, l.model_id;
comment on view labelled_photos is 'One row a photo and model: its label in every label set, and that label''s score.';

create view run_progress as
  select r.id as run_id, r.position, r.model_id, m.name || '@' || m.precision as model, r.source, r.created_at, r.enqueued_at,
         coalesce(sum(b.photo_count), 0) as photos, coalesce(sum(b.done_count), 0) as done,
         coalesce(sum(b.failed_count), 0) as failed,
         case when bool_and(b.settled_at is not null) then max(b.settled_at) end as settled_at
    from runs r join models m on m.id = r.model_id
    left join batches b on b.run_id = r.id
   group by r.id, m.name, m.precision;
comment on view run_progress is 'One row an ingest: photos in its batches, embedded, failed.';
