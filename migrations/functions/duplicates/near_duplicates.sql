create or replace function near_duplicates(
  threshold double precision default 0.95, model text default null,
  labels jsonb default '[]', filters jsonb default '[]', method text default null, neighbours integer default 20,
  after_photo text default null, up_to_photo text default null
) returns table (photo_id text, other_id text, score double precision) language plpgsql stable as $$
declare
  of_model integer := model_id_of(model);
  checked record := search_conditions(of_model, labels, filters);
  chosen text := format('select e.photo_id, e.embedding from embeddings e %s where e.model_id = %s %s',
    case when checked.needs_photos then 'join photos p on p.photo_id = e.photo_id' end, of_model, checked.conditions);
begin
  if (threshold between 0 and 1) is not true then
    raise exception 'threshold must be a cosine similarity from 0 to 1, found %', coalesce(threshold::text, 'null') using errcode = 'UC005';
  end if;
  if neighbours is null or neighbours < 1 then
    raise exception 'neighbours must be a whole number from 1, found %', coalesce(neighbours::text, 'null') using errcode = 'UC005';
  end if;

  if duplicate_method(of_model, labels, filters, method) = 'index' then
    -- Beyond, a search compares all photos, and this one would do so for each.
    if neighbours > 250 then
      raise exception 'by the index, neighbours must be a whole number up to 250, found %. Ask for fewer, or compare all with all: method exact',
        neighbours using errcode = 'UC005';
    end if;
    return query execute format($sql$
      select least(a.photo_id, near.photo_id), greatest(a.photo_id, near.photo_id), max(near.score)
        from (%1$s) as a
       cross join lateral search_embeddings(%2$s, a.embedding::vector, $5, 0, $3, $4, a.photo_id, 'image', $6) as near
       where ($1 is null or a.photo_id > $1) and ($2 is null or a.photo_id <= $2)
       group by 1, 2 order by 3 desc, 1, 2$sql$, chosen, of_model)
      using after_photo, up_to_photo, labels, filters, neighbours, threshold;
    return;
  end if;
  -- Half precision first: it needs no copy of the vectors, and is off by far less than the slack.
  return query execute format($sql$
    with searched as materialized (
      select * from (%1$s) as a where ($1 is null or a.photo_id > $1) and ($2 is null or a.photo_id <= $2))
    select a.photo_id, b.photo_id, 1 - (a.embedding::vector <=> b.embedding::vector)
      from searched a join (%1$s) as b on b.photo_id > a.photo_id and (a.embedding <=> b.embedding) <= 1.0001 - $5
     where 1 - (a.embedding::vector <=> b.embedding::vector) >= $5
     order by 3 desc, 1, 2$sql$, chosen)
    using after_photo, up_to_photo, labels, filters, threshold;
end $$;
comment on function near_duplicates is
  'Pairs of photos whose embeddings have at least the given cosine similarity, photo_id before other_id, both fulfilling labels and filters. method exact compares all pairs: n²/2 comparisons. method index asks the index for image queries for the neighbours of each photo: scores are exact, but pairs may be missing that the index found from neither side or that lie beyond neighbours (250 at most). null: see duplicate_method. after_photo, up_to_photo: only pairs found from photos in this range of ids, to process a large collection step by step.';
