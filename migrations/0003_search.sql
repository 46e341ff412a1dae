-- Exact search by cosine similarity, with conditions on labels and on metadata.

create function search_conditions(of_model integer, labels jsonb, filters jsonb) returns text language plpgsql stable as $$
declare
  operators constant text[] := array['=', '!=', '<', '<=', '>', '>=', '~'];
  conditions text := '';
  entry jsonb;
  n integer := 0;
  column_type text;
  known text;
  wanted record;
begin
  -- The text made here holds names and operators from fixed lists, and numbers. A value is never part of it: the statement
  -- that it becomes part of takes labels as $3 and filters as $4 and reads the values from there.
  if jsonb_typeof(coalesce(labels, '[]')) <> 'array' or jsonb_typeof(coalesce(filters, '[]')) <> 'array' then
    raise exception 'labels and filters must be JSON arrays' using errcode = 'UC001';
  end if;

  for entry in select jsonb_array_elements(filters) loop
    if jsonb_typeof(entry) <> 'object' or (select count(*) from jsonb_object_keys(entry)) <> 3
       or not entry ?& array['column', 'operator', 'value'] then
      raise exception 'a filter is {"column": …, "operator": …, "value": …}, found %', entry using errcode = 'UC001';
    end if;
    select format_type(atttypid, atttypmod) into column_type from pg_attribute
     where attrelid = 'photos'::regclass and attnum > 0 and not attisdropped
       and attname = entry ->> 'column' and attname <> 'created_at';
    if column_type is null then
      select string_agg(attname, ', ' order by attnum) into known from pg_attribute
       where attrelid = 'photos'::regclass and attnum > 0 and not attisdropped and attname <> 'created_at';
      raise exception 'photos have no column %; the columns are %', entry -> 'column', known using errcode = 'UC001';
    end if;
    if entry ->> 'operator' is null or not (entry ->> 'operator') = any (operators) then
      raise exception '% is no operator; the operators are %', entry -> 'operator', array_to_string(operators, ' ')
        using errcode = 'UC001';
    end if;
    if entry ->> 'operator' = '~' and column_type <> 'text' then
      raise exception '~ looks inside text, and % is %', entry ->> 'column', column_type using errcode = 'UC001';
    end if;
    begin
      if entry ->> 'value' is null or jsonb_typeof(entry -> 'value') in ('object', 'array') then
        raise invalid_text_representation;
      end if;
      execute format('select ($1 ->> ''value'')::%s', column_type) using entry;
    exception when invalid_text_representation or numeric_value_out_of_range or datetime_field_overflow
                or invalid_datetime_format then
      raise exception '% expects %, found %', entry ->> 'column', column_type, entry -> 'value' using errcode = 'UC001';
    end;
    conditions := conditions || case
      when entry ->> 'operator' = '~' then
        format(' and strpos(lower(p.%I), lower($4 -> %s ->> ''value'')) > 0', entry ->> 'column', n)
      when column_type = 'text' then
        format(' and p.%I collate "C" %s ($4 -> %s ->> ''value'')', entry ->> 'column', entry ->> 'operator', n)
      else
        format(' and p.%I %s ($4 -> %s ->> ''value'')::%s', entry ->> 'column', entry ->> 'operator', n, column_type)
      end;
    n := n + 1;
  end loop;

  for entry in select jsonb_array_elements(labels) loop
    if jsonb_typeof(entry) <> 'object' or not entry ?& array['set', 'label']
       or exists (select from jsonb_object_keys(entry) as key where key not in ('set', 'label', 'min_score')) then
      raise exception 'a label filter is {"set": …, "label": …, "min_score": …}, found %', entry using errcode = 'UC001';
    end if;
    if not exists (select from label_sets where model_id = of_model and name = entry ->> 'set') then
      select string_agg(name, ', ' order by name) into known from label_sets where model_id = of_model;
      raise exception 'there is no label set % for this model; known: %', entry -> 'set', coalesce(known, 'none')
        using errcode = 'UC001';
    end if;
    select array_to_string(s.labels, ', ') into known from label_sets s
     where model_id = of_model and name = entry ->> 'set' and not coalesce(entry ->> 'label' = any (s.labels), false);
    if found then
      raise exception 'label set % has no label %; its labels are %', entry ->> 'set', entry -> 'label', known
        using errcode = 'UC001';
    end if;
    if jsonb_typeof(coalesce(entry -> 'min_score', '0')) <> 'number'
       or not (coalesce(entry ->> 'min_score', '0'))::numeric between 0 and 1 then
      raise exception 'min_score expects a number between 0 and 1, found %', entry -> 'min_score' using errcode = 'UC001';
    end if;
  end loop;

  -- Several labels of one set: any of them will do. Several sets: all must hold.
  for wanted in
    select min(position) - 1 as first, string_agg(
        format('(l.label = $3 -> %1$s ->> ''label'' and l.score >= coalesce(($3 -> %1$s ->> ''min_score'')::real, 0))',
               position - 1), ' or ' order by position) as any_of
      from jsonb_array_elements(labels) with ordinality as elements (element, position)
     group by element ->> 'set' order by 1
  loop
    conditions := conditions || format(
      ' and e.photo_id in (select l.photo_id from photo_labels l where l.model_id = %s and l.set_name = $3 -> %s ->> ''set'' and (%s))',
      of_model, wanted.first, wanted.any_of);
  end loop;
  return conditions;
end $$;
comment on function search_conditions is 'Part of search_embeddings: checks label and metadata filters and turns them into SQL without their values.';

create function search_embeddings(
  of_model integer, query vector, k integer, skip integer, labels jsonb, filters jsonb, except_photo text default null
) returns table (rank bigint, photo_id text, score double precision) language plpgsql stable as $$
declare
  model_dimension integer;
  conditions text := search_conditions(of_model, labels, filters);
begin
  if k is null or k < 1 then
    raise exception 'k must be a whole number from 1, found %', coalesce(k::text, 'null') using errcode = 'UC005';
  end if;
  if skip is null or skip < 0 then
    raise exception 'skip must be a whole number from 0, found %', coalesce(skip::text, 'null') using errcode = 'UC005';
  end if;
  select dimension into model_dimension from models where id = of_model;
  if model_dimension is null then
    raise exception 'there is no model with id %', of_model using errcode = 'UC003';
  end if;
  if query is null or vector_dims(query) <> model_dimension then
    raise exception 'the query must have % numbers as the model''s embeddings do, found %', model_dimension,
      coalesce(vector_dims(query)::text, 'null') using errcode = 'UC005';
  end if;
  if vector_norm(query) = 0 then
    raise exception 'the query is the zero vector, which is similar to nothing' using errcode = 'UC005';
  end if;
  -- The distance is computed in single precision: rounding the query to half precision could change the order.
  -- The model's id stands in the text so that the planner reads one partition.
  return query execute format(
    'select row_number() over (order by nearest.distance, nearest.photo_id) + $6, nearest.photo_id, 1 - nearest.distance
       from (select e.photo_id, e.embedding::vector <=> $1 as distance
               from embeddings e %s
              where e.model_id = %s and e.photo_id is distinct from $2 %s
              order by distance, e.photo_id limit $5 offset $6) as nearest
      where nearest.distance <> ''NaN''
      order by nearest.distance, nearest.photo_id',
    case when coalesce(jsonb_array_length(filters), 0) > 0 then 'join photos p on p.photo_id = e.photo_id' end,
    of_model, conditions)
    using query, except_photo, labels, filters, k, skip;
end $$;
comment on function search_embeddings is 'Nearest photos of one model by id; search_photos and similar_photos are what people use.';

create function search_photos(
  query vector, k integer default 10, skip integer default 0,
  labels jsonb default '[]', filters jsonb default '[]', model text default null
) returns table (rank bigint, photo_id text, score double precision, description text, photographer text, photo_url text)
language sql stable as $$
  select hit.rank, hit.photo_id, hit.score,
         coalesce(p.photo_description, p.ai_description), p.photographer_username, p.photo_url
    from search_embeddings(model_id_of(search_photos.model), search_photos.query, search_photos.k, search_photos.skip,
                           search_photos.labels, search_photos.filters) as hit
    left join photos p on p.photo_id = hit.photo_id
   order by hit.rank
$$;
comment on function search_photos is
  'Photos nearest to a vector: score is the cosine similarity, ties go by photo_id, skip leaves out the first so many. labels: [{"set":"taken_time","label":"night","min_score":0.5}], several of one set mean any of them. filters: [{"column":"exif_iso","operator":">=","value":"800"}], operators = != < <= > >= ~ (contains). model: name or name@precision, by default that of the newest run.';

create function similar_photos(
  photo_id text, k integer default 10, skip integer default 0,
  labels jsonb default '[]', filters jsonb default '[]', model text default null
) returns table (rank bigint, similar_id text, score double precision, description text, photographer text, photo_url text)
language plpgsql stable as $$
declare
  of_model integer := model_id_of(model);
begin
  return query
    select hit.rank, hit.photo_id, hit.score,
           coalesce(p.photo_description, p.ai_description), p.photographer_username, p.photo_url
      from search_embeddings(of_model, embedding_of(of_model, similar_photos.photo_id), k, skip, labels, filters,
                             similar_photos.photo_id) as hit
      left join photos p on p.photo_id = hit.photo_id
     order by hit.rank;
end $$;
comment on function similar_photos is
  'Photos nearest to a photo that is embedded, itself left out. The other parameters are those of search_photos.';

create function embedding_of(of_model integer, of_photo text) returns vector language plpgsql stable as $$
declare
  result vector;
begin
  select e.embedding::vector into result from embeddings e where e.model_id = of_model and e.photo_id = of_photo;
  if result is null then
    raise exception 'Photo % is not embedded with this model', of_photo using errcode = 'UC002';
  end if;
  return result;
end $$;
comment on function embedding_of is 'The embedding of a photo, in single precision; an error when there is none.';
