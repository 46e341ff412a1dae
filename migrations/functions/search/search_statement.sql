create or replace function search_statement(of_model integer, way text, index_distance text, conditions text, needs_photos boolean)
returns text language plpgsql immutable as $$
declare
  by_index constant boolean := way in ('ivfflat', 'hnsw');
  distance constant text := case way
    when 'single' then '(e.embedding::vector <=> $1)'
    when 'half' then '(e.embedding <=> $10)'
    else index_distance end;
  source text := format('from embeddings e %s where e.model_id = %s and e.photo_id is distinct from $2',
                        case when needs_photos and not by_index then 'join photos p on p.photo_id = e.photo_id' end, of_model);
  nearest text := '';
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
  return format(
    'with %s candidates as materialized (
       select e.photo_id, %s as embedding, %s as distance %s %s %s order by %s limit $11
     ), page as (
       select photo_id, score
         from (select photo_id, 1 - %s as score from candidates) as compared
        where score <> ''NaN'' and ($7 is null or score >= $7)
          and ($8 is null or score < $8 or (score = $8 and photo_id > $9))
        order by score desc, photo_id limit $5 offset $6
     )
     select coalesce(array_agg(photo_id order by score desc, photo_id), ''{}''), array_agg(score order by score desc, photo_id),
            (select count(*) from candidates), %s
       from page',
    nearest,
    case way when 'single' then 'null::halfvec' else 'e.embedding' end,
    case when by_index then 'e.distance' else distance end,
    source, conditions,
    case way
      when 'single' then format(
        'and ($7 is null or 1 - %1$s >= $7) and ($8 is null or 1 - %1$s < $8 or (1 - %1$s = $8 and e.photo_id > $9))', distance)
      when 'half' then format('and ($8 is null or 1 - %s <= $8 + $12)', distance) end,
    case way when 'single' then 'distance, e.photo_id' else 'distance' end,
    case way when 'single' then 'distance' else '(embedding::vector <=> $1)' end,
    case when by_index then '(select 1 - (embedding::vector <=> $1) from nearest order by place desc limit 1)'
         else '(select 1 - max(distance) from candidates)' end);
end $$;
comment on function search_statement is
  'Part of search_embeddings: its statement for one way of search_plan. Parameters: query, excluded photo, labels, filters, k, skip, min_score, after_score, after_photo, query in half precision, candidates, slack, depth. Columns: ids and scores of the page, number of candidates, and reach: the score of the last photo that was read.';
