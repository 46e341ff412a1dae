-- Conditions of a search: labels, metadata, lists, distance from a place, and the dataset's keywords, collections and colours.

-- Of photos that say where they were taken, by photographer and by country: what people ask for that few photos have.
create index photos_by_place on photos (photo_location_latitude, photo_location_longitude)
 where photo_location_latitude is not null;
create index photos_by_photographer on photos (photographer_username) where photographer_username is not null;
create index photos_by_country on photos (photo_location_country) where photo_location_country is not null;

-- The mean radius of the Earth, 6371.0088 km (IUGG), stands in both of these.
create function distance_km(
  latitude_a double precision, longitude_a double precision, latitude_b double precision, longitude_b double precision
) returns double precision language sql immutable strict parallel safe as $$
  select 2 * 6371.0088 * asin(least(1, sqrt(
    sin(radians(latitude_b - latitude_a) / 2) ^ 2
    + cos(radians(latitude_a)) * cos(radians(latitude_b)) * sin(radians(longitude_b - longitude_a) / 2) ^ 2)))
$$;
comment on function distance_km is 'Great-circle distance of two places given in degrees, in kilometres, on a sphere (haversine): at most 0.6 % off.';

create function box_around(
  latitude double precision, km double precision, out latitude_degrees double precision, out longitude_degrees double precision
) language sql immutable strict parallel safe as $$
  select reach, case when abs(latitude) + reach >= 90 then 180
                     else degrees(asin(least(1, sin(radians(reach)) / cos(radians(latitude))))) end
    from degrees(km / 6371.0088) as reach
$$;
comment on function box_around is 'How far a circle reaches north and south, and east and west, in degrees; all the way round where it holds a pole.';

create function text_array(list jsonb) returns text[] language sql immutable strict parallel safe as $$
  select array(select jsonb_array_elements_text(list))
$$;
comment on function text_array is 'A JSON array as texts. Immutable, so that the planner sees how many there are.';

create function column_condition(entry jsonb, n integer) returns text language plpgsql stable as $$
declare
  operators constant text[] := array['=', '!=', '<', '<=', '>', '>=', '~', 'in', 'is null', 'is not null'];
  operator constant text := entry ->> 'operator';
  value constant jsonb := entry -> 'value';
  column_type text;
  known text;
begin
  if (select string_agg(key, ' ' order by key) from jsonb_object_keys(entry) as key)
     <> (case when operator in ('is null', 'is not null') then 'column operator' else 'column operator value' end) then
    raise exception 'a filter on a column is {"column": …, "operator": …, "value": …}, without a value for is null and is not null, found %', entry
      using errcode = 'UC001';
  end if;
  select format_type(atttypid, atttypmod) into column_type from pg_attribute
   where attrelid = 'photos'::regclass and attnum > 0 and not attisdropped
     and attname = entry ->> 'column' and attname <> 'created_at';
  if column_type is null then
    select string_agg(attname, ', ' order by attnum) into known from pg_attribute
     where attrelid = 'photos'::regclass and attnum > 0 and not attisdropped and attname <> 'created_at';
    raise exception 'photos have no column %; the columns are %', entry -> 'column', known using errcode = 'UC001';
  end if;
  if operator is null or not operator = any (operators) then
    raise exception '% is no operator; the operators are %', entry -> 'operator', array_to_string(operators, ' ')
      using errcode = 'UC001';
  end if;
  if operator in ('is null', 'is not null') then
    return format(' and p.%I %s', entry ->> 'column', operator);
  end if;
  if operator = '~' and column_type <> 'text' then
    raise exception '~ looks inside text, and % is %', entry ->> 'column', column_type using errcode = 'UC001';
  end if;
  if operator = 'in' and jsonb_typeof(value) <> 'array' then
    raise exception 'in expects an array of values, found %', value using errcode = 'UC001';
  end if;
  begin
    if exists (select from jsonb_array_elements(case operator when 'in' then value else jsonb_build_array(value) end) as each
                where jsonb_typeof(each) in ('null', 'object', 'array')) then
      raise invalid_text_representation;
    end if;
    execute format('select %s::%s', case operator when 'in' then 'text_array($1)' else '($1 #>> ''{}'')' end,
                   column_type || case operator when 'in' then '[]' else '' end) using value;
  exception when invalid_text_representation or numeric_value_out_of_range or datetime_field_overflow
              or invalid_datetime_format then
    raise exception '% expects %, found %', entry ->> 'column', column_type, left(value::text, 200) using errcode = 'UC001';
  end;
  return case
    when operator = 'in' then
      format(' and p.%I = any (text_array($4 -> %s -> ''value'')::%s[])', entry ->> 'column', n, column_type)
    when operator = '~' then
      format(' and strpos(lower(p.%I), lower($4 -> %s ->> ''value'')) > 0', entry ->> 'column', n)
    -- Texts are ordered by their bytes. Whether two are equal is the same in every collation, and an index knows it.
    when column_type = 'text' and operator not in ('=', '!=') then
      format(' and p.%I collate "C" %s ($4 -> %s ->> ''value'')', entry ->> 'column', operator, n)
    else
      format(' and p.%I %s ($4 -> %s ->> ''value'')::%s', entry ->> 'column', operator, n, column_type)
    end;
end $$;
comment on function column_condition is 'Part of search_conditions: a condition on a metadata column.';

create function near_condition(entry jsonb, n integer) returns text language plpgsql stable as $$
declare
  place jsonb := entry -> 'near';
begin
  if jsonb_typeof(place) <> 'object' or not place ?& array['latitude', 'longitude', 'km']
     or (select count(*) <> 3 or bool_or(jsonb_typeof(value) <> 'number') from jsonb_each(place)) then
    raise exception 'near expects {"latitude": …, "longitude": …, "km": …} with numbers, found %', place using errcode = 'UC001';
  end if;
  if not (place ->> 'latitude')::numeric between -90 and 90 then
    raise exception 'latitude expects degrees from -90 to 90, found %', place -> 'latitude' using errcode = 'UC001';
  end if;
  if not (place ->> 'longitude')::numeric between -180 and 180 then
    raise exception 'longitude expects degrees from -180 to 180, found %', place -> 'longitude' using errcode = 'UC001';
  end if;
  -- Half the way round the Earth is 20,015 km.
  if not (place ->> 'km')::numeric between 0.001 and 20100 then
    raise exception 'km expects a distance from 0.001 to 20100, found %', place -> 'km' using errcode = 'UC001';
  end if;
  return format(
    ' and p.photo_location_latitude between %1$s - (box_around(%1$s, %3$s)).latitude_degrees and %1$s + (box_around(%1$s, %3$s)).latitude_degrees'
    ' and least(abs(p.photo_location_longitude - %2$s), 360 - abs(p.photo_location_longitude - %2$s)) <= (box_around(%1$s, %3$s)).longitude_degrees'
    ' and distance_km(p.photo_location_latitude, p.photo_location_longitude, %1$s, %2$s) <= %3$s',
    format('($4 -> %s -> ''near'' ->> ''latitude'')::double precision', n),
    format('($4 -> %s -> ''near'' ->> ''longitude'')::double precision', n),
    format('($4 -> %s -> ''near'' ->> ''km'')::double precision', n));
end $$;
comment on function near_condition is 'Part of search_conditions: the distance from a place. A box first, which an index knows, then the circle in it.';

create function list_condition(entry jsonb, n integer, list text) returns text language plpgsql stable as $$
begin
  if jsonb_typeof(entry -> list) <> 'array'
     or exists (select from jsonb_array_elements(entry -> list) as id where jsonb_typeof(id) <> 'string') then
    raise exception '% expects an array of photo ids, found %', list, left((entry -> list)::text, 200) using errcode = 'UC001';
  end if;
  return format(' and e.photo_id %s (text_array($4 -> %s -> %L))', case list when 'photos' then '= any' else '<> all' end, n, list);
end $$;
comment on function list_condition is 'Part of search_conditions: a list of photos, or all but these.';

create function table_condition(entry jsonb, n integer, subject text) returns text language plpgsql stable as $$
declare
  source constant text := case subject when 'keyword' then 'photo_keywords' when 'color' then 'photo_colors' else 'photo_collections' end;
  loaded boolean;
begin
  if jsonb_typeof(entry -> subject) <> 'string' then
    raise exception '% expects a text, found %', subject, entry -> subject using errcode = 'UC001';
  end if;
  if jsonb_typeof(coalesce(entry -> 'min_confidence', '0')) <> 'number'
     or not (coalesce(entry ->> 'min_confidence', '0'))::numeric between 0 and 100 then
    raise exception 'min_confidence expects a number between 0 and 100, found %', entry -> 'min_confidence' using errcode = 'UC001';
  end if;
  execute format('select exists (select from %I)', source) into loaded;
  if not loaded then
    raise exception 'there is no % to look for: the table % is empty. Load it from the dataset: unsplash-clip ingest --table %',
      subject, source, substr(source, length('photo_') + 1) using errcode = 'UC001';
  end if;
  return format(' and e.photo_id in (select t.photo_id from %I t where %s%s)', source,
    case subject
      when 'collection' then
        format('(t.collection_id = ($4 -> %1$s ->> ''collection'') or t.collection_title = ($4 -> %1$s ->> ''collection''))', n)
      else format('t.keyword = ($4 -> %s ->> %L)', n, subject)
    end,
    case when entry ? 'min_confidence' then
      format(' and greatest(t.ai_service_1_confidence, t.ai_service_2_confidence) >= ($4 -> %s ->> ''min_confidence'')::double precision', n)
    end);
end $$;
comment on function table_condition is 'Part of search_conditions: a keyword, a collection or a colour of the dataset''s tables.';

create function filter_condition(entry jsonb, n integer, out condition text, out needs_photos boolean)
language plpgsql stable as $$
declare
  subject text;
begin
  if jsonb_typeof(entry) = 'object' then
    select string_agg(key, ' ' order by key) into subject from jsonb_object_keys(entry) as key;
  end if;
  needs_photos := subject is not null and (entry ? 'column' or subject in ('near', 'orientation'));
  condition := case
    when subject is null then null
    when entry ? 'column' then column_condition(entry, n)
    when subject = 'near' then near_condition(entry, n)
    when subject in ('photos', 'not_photos') then list_condition(entry, n, subject)
    when subject in ('keyword', 'keyword min_confidence') then table_condition(entry, n, 'keyword')
    when subject in ('collection', 'color') then table_condition(entry, n, subject)
    when subject = 'orientation' then case entry ->> 'orientation'
      when 'landscape' then ' and p.photo_width > p.photo_height'
      when 'portrait' then ' and p.photo_width < p.photo_height'
      when 'square' then ' and p.photo_width = p.photo_height' end
    end;
  if condition is null and subject = 'orientation' then
    raise exception 'orientation expects landscape, portrait or square, found %', entry -> 'orientation' using errcode = 'UC001';
  end if;
  if condition is null then
    raise exception 'a filter is {"column": …, "operator": …, "value": …} or one of near, orientation, photos, not_photos, keyword (and min_confidence), collection, color, found %',
      left(entry::text, 200) using errcode = 'UC001';
  end if;
end $$;
comment on function filter_condition is 'Part of search_conditions: one filter as SQL, and whether it reads photos.';

create function label_conditions(of_model integer, labels jsonb) returns text language plpgsql stable as $$
declare
  conditions text := '';
  entry jsonb;
  known text;
  wanted record;
begin
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
comment on function label_conditions is 'Part of search_conditions: conditions on labels of a model.';

drop function search_conditions(integer, jsonb, jsonb);
create function search_conditions(of_model integer, labels jsonb, filters jsonb, out conditions text, out needs_photos boolean)
language plpgsql stable as $$
begin
  -- The text made here holds names and operators from fixed lists, and numbers. A value is never part of it: the statement
  -- that it becomes part of takes labels as $3 and filters as $4 and reads the values from there.
  if jsonb_typeof(coalesce(labels, '[]')) <> 'array' or jsonb_typeof(coalesce(filters, '[]')) <> 'array' then
    raise exception 'labels and filters must be JSON arrays' using errcode = 'UC001';
  end if;
  select coalesce(string_agg(made.condition, '' order by position), ''), coalesce(bool_or(made.needs_photos), false)
    into conditions, needs_photos
    from jsonb_array_elements(filters) with ordinality as entries (entry, position)
   cross join filter_condition(entry, position::integer - 1) as made;
  conditions := conditions || label_conditions(of_model, labels);
end $$;
comment on function search_conditions is
  'Checks label and metadata filters and turns them into SQL without their values: text of the form " and … and …" over the aliases e (embeddings) and p (photos, to be joined where needs_photos), which reads labels from $3 and filters from $4.';
