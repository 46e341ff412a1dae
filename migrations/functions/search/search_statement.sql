create or replace function search_statement(
  of_model integer, way text, index_distance text, conditions text, needs_photos boolean,
  drawn_percent double precision default null, corrected boolean default false
) returns text language plpgsql immutable as $$
declare
  by_index constant boolean := way in ('ivfflat', 'hnsw', 'far', 'deep');
  distance constant text := case way
    when 'single' then '(e.embedding::vector <=> $1)'
    when 'half' then '(e.embedding <=> $10)'
    else index_distance end;
  -- Hits go by score less correction. A photo that is not compared with the reference texts counts as one at the floor.
  correction constant text := '$15 * coalesce(greatest(r.top_mean::double precision, $16), 0)';
  number_of_photo constant text :=
    'select s.top_mean from reference_scores s where s.version = $14 and s.photo_id = e.photo_id limit 1';
  place constant text := case when corrected then 'score - correction' else 'score' end;
  source text := format('from embeddings e %s where e.model_id = %s and e.photo_id is distinct from $2',
                        case when needs_photos and not by_index then 'join photos p on p.photo_id = e.photo_id' end, of_model);
  nearest text := '';
  chosen text;
begin
  -- The score is computed in single precision, from the query as it is given ($1). Candidates come by another distance: to
  -- the query in half precision ($10), as an index knows it. Ties are broken outside of the LIMIT that an index serves, where
  -- a second key would keep it from being used; conditions are looked at outside of it too, so that it is read no deeper.
  if by_index then
    -- place: the order in which the index gives them, which is not always that of their distances.
    nearest := format(
      'nearest as materialized (
         select *, row_number() over () as place
           from (select e.photo_id, e.embedding, %s as distance %s order by distance limit $13) as given
       ), ', distance, source);
    source := format('from nearest e %s where true', case when needs_photos then 'join photos p on p.photo_id = e.photo_id' end);
  end if;
  if way = 'far' then
    -- In half precision; each number is looked up by its key: the limit keeps the planner from reading all of them.
    chosen := format(
      'select e.photo_id, e.embedding, e.distance
         from nearest e left join lateral (%s) r on true order by e.distance + %s limit $11', number_of_photo, correction);
  elsif by_index and conditions = '' then
    -- As many are read as are wanted.
    chosen := 'select * from nearest';
  elsif corrected and way = 'single' then
    -- Distances first: a join that spills to the disk must not take the embeddings along.
    chosen := format(
      'select photo_id, score, correction
         from (select d.photo_id, 1 - d.distance as score, %s as correction
                 from (select e.photo_id, %s as distance %s %s offset 0) as d
                 left join reference_scores r on r.version = $14 and r.photo_id = d.photo_id offset 0) as compared
        where score <> ''NaN'' and ($7 is null or score >= $7)
          and ($8 is null or score - correction < $8 or (score - correction = $8 and photo_id > $9))
        order by score - correction desc, photo_id limit $11', correction, distance, source, conditions);
  else
    chosen := format('select e.photo_id, %s as embedding, %s as distance %s %s %s %s limit $11',
      case way when 'single' then 'null::halfvec' else 'e.embedding' end,
      case when by_index then 'e.distance' else distance end,
      source, conditions,
      case way
        when 'single' then format(
          'and ($7 is null or 1 - %1$s >= $7) and ($8 is null or 1 - %1$s < $8 or (1 - %1$s = $8 and e.photo_id > $9))', distance)
        when 'half' then case when not corrected then format('and ($8 is null or 1 - %s <= $8 + $12)', distance) end end,
      -- In the order of the index, which is read no deeper than until enough are found.
      case way when 'single' then 'order by distance, e.photo_id' when 'deep' then '' else 'order by distance' end);
  end if;
  if way = 'deep' then
    -- A sample of pages, always the same one, so that pages of hits fit together: of photos where the conditions read them. It
    -- is read only where the index gave too few. Its distance is one that no index knows.
    nearest := nearest || format(
      'found as materialized (%s), drawn as materialized (
         select e.photo_id, e.embedding, (e.embedding <=> $10) as distance
           from embeddings e %s where e.model_id = %s and e.photo_id is distinct from $2 %s
            and (select count(*) from found) < $11
          order by distance limit $11
       ), ', chosen,
      format(case when needs_photos then 'join photos p tablesample system (%s) repeatable (1) on p.photo_id = e.photo_id'
                  else 'tablesample system (%s) repeatable (1)' end, drawn_percent), of_model, conditions);
    chosen := 'select * from (
         select photo_id, embedding, (embedding <=> $10) as distance from found
         union all
         select * from drawn where photo_id not in (select photo_id from found)) as either
        order by distance limit $11';
  end if;
  return format(
    'with %s candidates as materialized (
       %s
     ), page as (
       select %s
         from (%s) as compared
        where score <> ''NaN'' and ($7 is null or score >= $7)
          and ($8 is null or %5$s < $8 or (%5$s = $8 and photo_id > $9))
        order by %5$s desc, photo_id limit $5 offset $6
     )
     select coalesce(array_agg(photo_id order by %5$s desc, photo_id), ''{}''), array_agg(score order by %5$s desc, photo_id),
            %6$s, (select count(*) from candidates), %7$s
       from page',
    nearest,
    chosen,
    case when corrected then 'photo_id, score, correction' else 'photo_id, score' end,
    case
      -- Once per photo: an expression that is merely named is computed again for every condition.
      when not corrected then
        format('select photo_id, 1 - %s as score from candidates offset 0', case way when 'single' then 'distance' else '(embedding::vector <=> $1)' end)
      when way = 'single' then 'select * from candidates'
      else format('select e.photo_id, 1 - (e.embedding::vector <=> $1) as score, %s as correction
                     from candidates e left join lateral (%s) r on true', correction, number_of_photo) end,
    place,
    case when corrected then format('array_agg(correction order by %s desc, photo_id)', place) else 'null::double precision[]' end,
    case
      when way = 'deep' then
        '(select case when count(*) = $11 then min(1 - (embedding::vector <=> $1))
                      else (select 1 - (embedding::vector <=> $1) from (select embedding from nearest order by place desc limit 1) as deepest) end
            from found)'
      when by_index then '(select 1 - (embedding::vector <=> $1) from (select embedding from nearest order by place desc limit 1) as deepest)'
      when corrected and way = 'single' then 'null::double precision'
      else '(select 1 - max(distance) from candidates)' end);
end $$;
comment on function search_statement is
  'Part of search_embeddings: its statement for one way of search_plan. drawn_percent: of deep. corrected: hits go by score less correction, not by score. Parameters: query, excluded photo, labels, filters, k, skip, min_score, place and photo of the hit to go on after, query in half precision, candidates, slack, depth, and of a correction: reference set, weight, floor. Columns: ids, scores and corrections of the page, number of candidates, and reach: the score of the last photo that was read.';
