-- requires: model_id_of
create or replace function label_sample(set_name text, size integer, seed bigint default 1, model text default null)
returns table (label text, photo_id text, score real) language sql stable as $$
  select names.label, drawn.photo_id, drawn.score
    from label_sets s
   cross join unnest(s.labels) with ordinality as names (label, position)
   cross join lateral (
      select l.photo_id, l.score, md5(label_sample.seed || ':' || l.photo_id) collate "C" as draw from label_rows l
       where l.version = s.version and l.label = names.label
       order by draw, l.photo_id limit greatest(label_sample.size, 0)) as drawn
   where s.model_id = model_id_of(label_sample.model) and s.name = label_sample.set_name
   order by names.position, drawn.draw, drawn.photo_id
$$;
comment on function label_sample is 'Random photos of each label; the same for the same seed.';
