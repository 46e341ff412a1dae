create or replace function group_pairs(photo_ids text[], other_ids text[], model text default null)
returns table (group_number bigint, photo_id text, representative_id text, photos bigint, score double precision)
language plpgsql stable as $$
declare
  of_model integer := model_id_of(model);
  ids text[] := array(select distinct id collate "C" as id from unnest(photo_ids || other_ids) as given (id) where id is not null order by id);
  parents integer[] := array(select generate_series(1, cardinality(ids)));
  pair record;
  a integer;
  b integer;
begin
  if cardinality(photo_ids) is distinct from cardinality(other_ids) then
    raise exception 'photo_ids and other_ids are the two sides of pairs: expected as many of one as of the other, found % and %',
      coalesce(cardinality(photo_ids), 0), coalesce(cardinality(other_ids), 0) using errcode = 'UC005';
  end if;
  -- Union-find with path halving; the smaller number is the root.
  for pair in
    select l.number as a, r.number as b from unnest(photo_ids, other_ids) as given (photo_id, other_id)
      join unnest(ids) with ordinality as l (id, number) on l.id = given.photo_id
      join unnest(ids) with ordinality as r (id, number) on r.id = given.other_id
  loop
    a := pair.a;
    b := pair.b;
    while parents[a] <> a loop
      parents[a] := parents[parents[a]];
      a := parents[a];
    end loop;
    while parents[b] <> b loop
      parents[b] := parents[parents[b]];
      b := parents[b];
    end loop;
    parents[greatest(a, b)] := least(a, b);
  end loop;
  for i in 1 .. cardinality(ids) loop
    parents[i] := parents[parents[i]];
  end loop;

  return query
    with members as (
      select m.id collate "C" as id, count(*) over (partition by m.root) as members,
             first_value(m.id collate "C") over (partition by m.root
               order by p.photo_width::bigint * p.photo_height desc nulls last, p.photo_submitted_at, m.id collate "C") as best
        from unnest(ids, parents) as m (id, root) left join photos p on p.photo_id = m.id
    ), scored as (
      select m.*, 1 - (e.embedding::vector <=> r.embedding::vector) as similarity
        from members m
        left join embeddings e on e.model_id = of_model and e.photo_id = m.id
        left join embeddings r on r.model_id = of_model and r.photo_id = m.best
    )
    select dense_rank() over (order by s.members desc, s.best), s.id, s.best, s.members, s.similarity
      from scored s order by 1, s.id <> s.best, s.similarity desc nulls last, s.id;
end $$;
comment on function group_pairs is
  'Groups of photos that are connected by pairs, the largest group first. The representative is the photo with the most pixels, then the earliest submitted. It comes first in its group; the others follow by falling score, their similarity to it.';
