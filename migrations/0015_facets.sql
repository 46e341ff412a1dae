-- Histograms of a result set, and near duplicates.

create function facet_expression(facet text) returns text language sql immutable as $$
  select case facet
    when 'country' then 'p.photo_location_country'
    when 'city' then 'p.photo_location_city'
    when 'camera_make' then 'p.exif_camera_make'
    when 'camera_model' then 'p.exif_camera_model'
    when 'photographer' then 'p.photographer_username'
    when 'featured' then 'p.photo_featured::text'
    when 'orientation' then 'case when p.photo_width > p.photo_height then ''landscape''
      when p.photo_width < p.photo_height then ''portrait'' when p.photo_width = p.photo_height then ''square'' end'
    when 'year' then 'to_char(p.photo_submitted_at, ''YYYY'')'
    when 'month' then 'to_char(p.photo_submitted_at, ''YYYY-MM'')'
    when 'iso' then 'case when p.exif_iso <= 100 then ''up to 100'' when p.exif_iso <= 200 then ''101 to 200''
      when p.exif_iso <= 400 then ''201 to 400'' when p.exif_iso <= 800 then ''401 to 800''
      when p.exif_iso <= 1600 then ''801 to 1600'' when p.exif_iso <= 3200 then ''1601 to 3200''
      when p.exif_iso <= 6400 then ''3201 to 6400'' when p.exif_iso > 6400 then ''over 6400'' end'
  end
$$;
comment on function facet_expression is 'Part of search_facets: the value of a metadata facet, as SQL over photos p; null for a name that is none.';

create function facet_place(facet text, value text) returns integer language sql immutable as $$
  select case
    when facet = 'iso' then array_position(array['up to 100', '101 to 200', '201 to 400', '401 to 800', '801 to 1600',
                                                 '1601 to 3200', '3201 to 6400', 'over 6400'], value)
    when facet in ('year', 'month') then replace(value, '-', '')::integer
  end
$$;
comment on function facet_place is 'Part of search_facets: where a value stands among those of a facet with an order of its own; null for other facets.';

create function search_facets(
  facets text[] default null, query vector default null, n integer default 1000,
  labels jsonb default '[]', filters jsonb default '[]', model text default null,
  top integer default 10, min_score double precision default null, kind text default 'text'
) returns table (facet text, value text, photos bigint, part text) language plpgsql stable as $$
declare
  of_model integer := model_id_of(model);
  sets text[] := array(select s.name from label_sets s where s.model_id = of_model order by s.name collate "C");
  wanted text[] := coalesce(facets, sets || array['country', 'camera_make', 'featured', 'orientation', 'year', 'iso']);
  checked record := search_conditions(of_model, labels, filters);
  name text;
  metadata text := '';
begin
  if top is null or top < 1 then
    raise exception 'top must be a whole number from 1, found %', coalesce(top::text, 'null') using errcode = 'UC005';
  end if;
  for name in select distinct unnest(wanted) loop
    if facet_expression(name) is not null then
      metadata := metadata || format(', (%L, %s)', name, facet_expression(name));
    elsif name is null or not (name = 'keyword' or name = any (sets)) then
      raise exception 'there is no facet %; known: %', coalesce(name, 'null'), array_to_string(sets || array['country', 'city',
        'camera_make', 'camera_model', 'photographer', 'featured', 'orientation', 'year', 'month', 'iso', 'keyword'], ', ')
        using errcode = 'UC005';
    end if;
  end loop;

  return query execute format($sql$
    with chosen as materialized (%1$s),
    facts as (
      select fact.facet, fact.value, count(*) as photos
        from chosen c left join photos p on p.photo_id = c.photo_id
       cross join lateral (values (null, null) %2$s) as fact (facet, value)
       where fact.facet is not null group by fact.facet, fact.value
      union all
      select 'keyword', k.keyword, count(*) from chosen c join photo_keywords k on k.photo_id = c.photo_id
       where 'keyword' = any ($1) group by k.keyword
    ), ranked as (
      select *, row_number() over (partition by facet order by photos desc, value collate "C") as place
        from facts where value is not null
    ), shown as (
      select facet, value, photos, facet_place(facet, value) as natural_place, place from ranked where place <= $5
    ), labelled as (
      select l.set_name, l.label, count(*) as photos from chosen c
        join photo_labels l on l.model_id = %3$s and l.set_name = any ($1) and l.photo_id = c.photo_id
       group by l.set_name, l.label
    ), everything as (
      select facet, value, photos, 'value' as part, natural_place, place from shown
      union all
      select facet, null, sum(photos), 'other', null, null from ranked
       where place > $5 and facet <> 'keyword' group by facet
      union all
      select facet, null, photos, 'unknown', null, null from facts where value is null
      union all
      -- A photo has many keywords: what is left are the photos without any of those shown.
      select 'keyword', null, count(*), rest.part, null, null
        from (select case when exists (select from photo_keywords k where k.photo_id = c.photo_id) then 'other' else 'unknown' end as part
                from chosen c
               where 'keyword' = any ($1) and not exists (
                       select from photo_keywords k join shown s on s.facet = 'keyword' and s.value = k.keyword
                        where k.photo_id = c.photo_id)) as rest
       group by rest.part
      union all
      select s.name, names.label, coalesce(l.photos, 0), 'value', names.position, null
        from label_sets s cross join unnest(s.labels) with ordinality as names (label, position)
        left join labelled l on l.set_name = s.name and l.label = names.label
       where s.model_id = %3$s and s.name = any ($1) and facet_expression(s.name) is null and s.name <> 'keyword'
      union all
      select s.name, null, total.photos - coalesce(had.photos, 0), 'unknown', null, null
        from label_sets s cross join (select count(*) as photos from chosen) as total
        left join (select set_name, sum(photos) as photos from labelled group by set_name) as had on had.set_name = s.name
       where s.model_id = %3$s and s.name = any ($1) and facet_expression(s.name) is null and s.name <> 'keyword'
         and total.photos > coalesce(had.photos, 0)
    )
    select facet, value, photos::bigint, part from everything
     order by array_position($1, facet), array_position(array['value', 'other', 'unknown'], part), natural_place, place$sql$,
    case when query is null then format('select e.photo_id from embeddings e %s where e.model_id = %s %s',
           case when checked.needs_photos then 'join photos p on p.photo_id = e.photo_id' end, of_model, checked.conditions)
         else format('select photo_id from search_embeddings(%s, $2, $6, 0, $3, $4, kind => $7, min_score => $8)', of_model) end,
    metadata, of_model)
    using wanted, query, labels, filters, top, n, kind, min_score;
end $$;
comment on function search_facets is
  'Histograms of a result set: of the n photos nearest to query, or without one of all embedded photos that fulfil labels and filters. facets: label sets of the model and country, city, camera_make, camera_model, photographer, featured, orientation, year, month, iso, keyword; null: all label sets and the usual ones. part: value (labels in the order of their set, else the top values by photos; year, month and iso in their own order), other (the values beyond top together), unknown. Each facet adds up to the photos of the result, but for keyword: a photo counts with each of its keywords, as other when it has none of those shown, as unknown when it has none.';

create function duplicate_method(of_model integer, labels jsonb, filters jsonb, method text default null)
returns text language plpgsql stable as $$
declare
  checked record := search_conditions(of_model, labels, filters);
  indexed boolean := exists (
    select from search_settings s where s.model_id = of_model and s.query_kind = 'image' and s.method <> 'exact');
  compared bigint;
begin
  if method not in ('exact', 'index') then
    raise exception 'method must be exact or index, found %', method using errcode = 'UC005';
  end if;
  if method = 'index' and not indexed then
    raise exception 'there is no index for image queries of this model. Build one (unsplash-clip index build) or compare all with all: method exact'
      using errcode = 'UC005';
  end if;
  if method is not null then
    return method;
  end if;
  execute format('select count(*) from embeddings e %s where e.model_id = %s %s and $1 is null and $2 is null',
                 case when checked.needs_photos then 'join photos p on p.photo_id = e.photo_id' end, of_model, checked.conditions)
    into compared using null::text, null::text, labels, filters;
  -- Up to 10,000, comparing all with all takes no longer than asking the index once a photo.
  if indexed and compared > 10000 then
    return 'index';
  end if;
  if compared > 100000 then
    raise exception '% photos make % billion pairs, and there is no index for image queries. Build one (unsplash-clip index build) or compare all with all: method exact',
      compared, round(compared / 2e9 * compared) using errcode = 'UC005';
  end if;
  return 'exact';
end $$;
comment on function duplicate_method is
  'How near_duplicates finds pairs when it is not told: exact for up to 10,000 photos that fulfil labels and filters, beyond by the index for image queries, without one exact up to 100,000.';

create function near_duplicates(
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
  'Pairs of photos whose embeddings have at least that cosine similarity, photo_id before other_id, both fulfilling labels and filters. method exact compares all with all: n²/2 comparisons. index asks the index for image queries for the neighbours of each photo: scores are exact, a pair may be missing that the index did not find from either side, or that is beyond neighbours. null: see duplicate_method. after_photo, up_to_photo: only the pairs found from photos in this range of ids, to go through a large collection step by step.';

create function group_pairs(photo_ids text[], other_ids text[], model text default null)
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
  'Groups of photos that pairs connect, the largest first. The representative has the most pixels, of several the one submitted first; it comes first, then by falling score, which is the similarity to it.';

create function duplicate_groups(
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
  'The pairs of near_duplicates as groups: photos that are connected by pairs, also through others. See group_pairs.';
