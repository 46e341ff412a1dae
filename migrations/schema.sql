-- The schema that the files of migrations/ make together, for review. Do not edit it: npm run schema:dump

CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;

CREATE FUNCTION public.add_batches(new_batches jsonb) RETURNS SETOF text
    LANGUAGE plpgsql
    AS $$
declare
  known text[];
  leaving text[];
begin
  -- Batches of an earlier run: their photos may have become unsettled since, for instance because failures were cleared.
  perform from batches where id in (select b.id from jsonb_to_recordset(new_batches) as b (id text)) order by id for update;
  select array_agg(id order by id),
         array_agg(id order by id) filter (
           where dropped_at is not null or exists (select from parked_batches p where p.id = batches.id))
    into known, leaving
    from batches where id in (select b.id from jsonb_to_recordset(new_batches) as b (id text));
  perform count_batch(known_id) from unnest(known) as known_id;
  update batches b set run_id = new.run_id, kind = coalesce(new.kind, 'originals')
    from jsonb_to_recordset(new_batches) as new (id text, run_id text, kind text)
   where b.id = new.id and b.settled_at is null and b.run_id <> new.run_id;
  update batches set dropped_at = null, given_up_at = null, given_up_code = null, given_up_message = null, open_since = now()
   where id = any (known) and (dropped_at is not null or given_up_at is not null);
  -- The whole batch is on its way again, and with it what was parked of it.
  delete from parked_batches where batch_id = any (known);

  insert into batches (id, run_id, model_id, kind, photo_ids, photo_count)
  select new.id, new.run_id, r.model_id, coalesce(new.kind, 'originals'), new.photo_ids, cardinality(new.photo_ids)
    from jsonb_to_recordset(new_batches) as new (id text, run_id text, kind text, photo_ids text[])
    join runs r on r.id = new.run_id
   order by new.id
  on conflict (id) do nothing;
  return query select unnest(leaving);
end $$;

COMMENT ON FUNCTION public.add_batches(new_batches jsonb) IS 'Records batches, [{"id", "run_id", "kind", "photo_ids"}]. Known batches that are not settled move to the run that asks for them now. Returns the ids of batches that a worker had parked, or had dropped because their run was cancelled: they may still be leaving the queue.';

CREATE FUNCTION public.box_around(latitude double precision, km double precision, OUT latitude_degrees double precision, OUT longitude_degrees double precision) RETURNS record
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
  select reach, case when abs(latitude) + reach >= 90 then 180
                     else degrees(asin(least(1, sin(radians(reach)) / cos(radians(latitude))))) end
    from degrees(km / 6371.0088) as reach
$$;

COMMENT ON FUNCTION public.box_around(latitude double precision, km double precision, OUT latitude_degrees double precision, OUT longitude_degrees double precision) IS 'Part of near_condition: extent of a circle to the north and south, and to the east and west, in degrees; 180 degrees east and west where the circle contains a pole.';

CREATE FUNCTION public.browse_photos(k integer DEFAULT 10, newest_first boolean DEFAULT true, labels jsonb DEFAULT '[]'::jsonb, filters jsonb DEFAULT '[]'::jsonb, model text DEFAULT NULL::text, after_place double precision DEFAULT NULL::double precision, after_photo text DEFAULT NULL::text) RETURNS TABLE(rank bigint, photo_id text, place double precision)
    LANGUAGE plpgsql STABLE ROWS 50
    AS $_$
declare
  of_model integer := model_id_of(model);
  checked record := search_conditions(of_model, labels, filters);
begin
  if k is null or k < 1 then
    raise exception 'k must be a whole number from 1, found %', coalesce(k::text, 'null') using errcode = 'UC005';
  end if;
  if (after_place is null) <> (after_photo is null) then
    raise exception 'after_place and after_photo are the place and the photo_id of one photo: give both or neither' using errcode = 'UC005';
  end if;
  -- Microseconds are exact in a double until the year 2255, which stands for photos without a date.
  return query execute format($sql$
    select row_number() over (order by found.place, found.photo_id), found.photo_id, found.place
      from (select placed.photo_id, placed.place
              from (select p.photo_id, coalesce(%s * extract(epoch from p.photo_submitted_at)::double precision, 9e15) as place
                      from embeddings e join photos p on p.photo_id = e.photo_id
                     where e.model_id = %s %s %s) as placed
             where $1 is null or (placed.place, placed.photo_id) > ($1, $2)
             order by placed.place, placed.photo_id limit $5) as found$sql$,
    case when newest_first then -1000000 else 1000000 end, of_model, checked.conditions,
    -- The index photos_newest gives a page at once. Through it, photos that few conditions select would be looked for among all.
    case when checked.conditions <> '' then 'offset 0' end)
    using after_place, after_photo, labels, filters, k;
end $_$;

COMMENT ON FUNCTION public.browse_photos(k integer, newest_first boolean, labels jsonb, filters jsonb, model text, after_place double precision, after_photo text) IS 'Embedded photos by their date (photo_submitted_at), the newest or the oldest first; photos without a date come last, ties go by photo_id. place rises with rank; after_place and after_photo continue after a photo. labels and filters are those of search_photos.';

CREATE FUNCTION public.cancel_relabel(set_name text, model text DEFAULT NULL::text) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare
  of_model constant integer := model_id_of(model);
begin
  perform label_lock(of_model, true);
  return drop_label_change(of_model, set_name);
end $$;

COMMENT ON FUNCTION public.cancel_relabel(set_name text, model text) IS 'Drops the coming definition of a label set; readers keep the current one. False when there is none.';

CREATE FUNCTION public.check_label_names(set_name text, labels text[]) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    AS $_$
declare
  equal_labels text;
begin
  if (set_name ~ '^[a-z][a-z0-9_]{0,62}$') is not true then
    raise exception 'the name of a label set has lower-case letters, digits and _, found %', coalesce(set_name, 'null') using errcode = 'UC005';
  end if;
  if exists (select from unnest(labels) as label where coalesce(label, '') !~ '\S') then
    raise exception 'labels that are words expected, found an empty one' using errcode = 'UC005';
  end if;
  -- The index of label_rows holds no longer ones: every photo would be refused.
  if exists (select from unnest(labels) as label where octet_length(label) > 2000) then
    raise exception 'labels of at most 2000 bytes expected, found one beginning "%"',
      (select left(label, 40) from unnest(labels) as label where octet_length(label) > 2000 limit 1) using errcode = 'UC005';
  end if;
  -- Models read them as one: their tokens have neither upper case nor blanks at the ends.
  select string_agg(format('"%s"', label), ', ') into equal_labels from unnest(labels) as label
   group by lower(trim(regexp_replace(label, '\s+', ' ', 'g'))) having count(*) > 1 limit 1;
  if equal_labels is not null then
    raise exception 'different labels expected, found %, which differ in upper case and blanks at most', equal_labels using errcode = 'UC005';
  end if;
end $_$;

COMMENT ON FUNCTION public.check_label_names(set_name text, labels text[]) IS 'Part of define_label_set and define_trained_set: raises an error for names that no label set may have.';

CREATE FUNCTION public.clients_share_session() RETURNS boolean
    LANGUAGE sql STABLE
    AS $$ select version() like '%(PGlite %' $$;

COMMENT ON FUNCTION public.clients_share_session() IS 'Whether this is the embedded server, where a statement that waits for another client would wait forever.';

CREATE FUNCTION public.column_condition(entry jsonb, n integer) RETURNS text
    LANGUAGE plpgsql STABLE
    AS $_$
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
  exception when data_exception then
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
end $_$;

COMMENT ON FUNCTION public.column_condition(entry jsonb, n integer) IS 'Part of search_conditions: a condition on a metadata column.';

CREATE FUNCTION public.combine(parts jsonb, model text DEFAULT NULL::text) RETURNS public.vector
    LANGUAGE plpgsql STABLE
    AS $$
declare
  of_model integer := model_id_of(model);
  model_dimension integer;
  part jsonb;
  weight double precision;
  total_weight double precision := 0;
  direction vector;
  total vector;
begin
  select dimension into model_dimension from models where id = of_model;
  if jsonb_typeof(parts) is distinct from 'array' or jsonb_array_length(parts) = 0 then
    raise exception 'parts must be a JSON array of at least one part, found %', coalesce(left(parts::text, 80), 'null')
      using errcode = 'UC005';
  end if;
  for part in select jsonb_array_elements(parts) loop
    if jsonb_typeof(part) <> 'object' or (select count(*) from jsonb_object_keys(part) as key where key <> 'weight') <> 1
       or (jsonb_typeof(part -> 'prompt') is distinct from 'string' and jsonb_typeof(part -> 'photo') is distinct from 'string'
           and jsonb_typeof(part -> 'vector') is distinct from 'array') then
      raise exception 'a part is {"prompt": "words", "weight": 1}, with "photo": "id" or "vector": [numbers] in place of the prompt; found %',
        left(part::text, 80) using errcode = 'UC005';
    end if;
    -- Single precision overflows far beyond.
    if jsonb_typeof(coalesce(part -> 'weight', '1')) <> 'number'
       or not (coalesce(part ->> 'weight', '1'))::numeric between -1000 and 1000 then
      raise exception 'weight expects a number between -1000 and 1000, found %', left((part -> 'weight')::text, 80)
        using errcode = 'UC005';
    end if;
    weight := coalesce((part ->> 'weight')::double precision, 1);
    direction := case when part ? 'prompt' then prompt_embedding(part ->> 'prompt', of_model::text)
                      when part ? 'photo' then embedding_of(of_model, part ->> 'photo')
                      else vector_of_json(part -> 'vector', model_dimension) end;
    direction := l2_normalize(direction) * array_fill(weight::real, array[model_dimension])::vector;
    total := coalesce(total + direction, direction);
    total_weight := total_weight + abs(weight);
  end loop;
  -- What is left of parts that cancel out is rounding, and points anywhere.
  if vector_norm(total) <= 1e-5 * total_weight then
    raise exception 'the parts cancel each other out: nothing is left to search for in %', left(parts::text, 200)
      using errcode = 'UC005';
  end if;
  return l2_normalize(total);
end $$;

COMMENT ON FUNCTION public.combine(parts jsonb, model text) IS 'A query vector of unit length from prompts, photos and vectors: [{"prompt": "at night", "weight": 1}, {"photo": "id"}, {"prompt": "people", "weight": -0.5}]. Each part is scaled to unit length before it is weighted; the default weight is 1, and a negative weight turns away from the part.';

CREATE FUNCTION public.common_length(a text[], b text[]) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
  select count(*)::integer from generate_series(1, least(cardinality(a), cardinality(b))) as length where a[1:length] = b[1:length]
$$;

COMMENT ON FUNCTION public.common_length(a text[], b text[]) IS 'Part of search_facets: number of elements with which both lists begin.';

CREATE FUNCTION public.count_batch(batch_id text) RETURNS void
    LANGUAGE sql
    AS $$
  update batches b
     set photo_count = now_is.photos, done_count = now_is.done, failed_count = now_is.failed,
         settled_at = case when now_is.done + now_is.failed >= now_is.photos then coalesce(b.settled_at, now()) end,
         open_since = case when b.settled_at is not null and now_is.done + now_is.failed < now_is.photos then now()
                           else b.open_since end
    from (select count(p.photo_id)::integer as photos,
                 (count(e.photo_id) filter (where mine.kind <> 'refresh' or v.outcome <> 'failed'))::integer as done,
                 (count(*) filter (where case when e.photo_id is null then f.photo_id is not null
                                              else v.outcome = 'failed' end))::integer as failed
            from batches mine join runs r on r.id = mine.run_id cross join unnest(mine.photo_ids) as wanted (photo_id)
            left join photos p on p.photo_id = wanted.photo_id
            left join embeddings e on e.model_id = mine.model_id and e.photo_id = wanted.photo_id
            left join failures f on f.model_id = mine.model_id and f.photo_id = wanted.photo_id
            -- Whichever run checked it since this one began.
            left join photo_versions v on mine.kind = 'refresh' and v.model_id = mine.model_id
                 and v.photo_id = wanted.photo_id and v.checked_at >= r.created_at
           where mine.id = count_batch.batch_id) as now_is
   where b.id = count_batch.batch_id
     and ((b.photo_count, b.done_count, b.failed_count) is distinct from (now_is.photos, now_is.done, now_is.failed)
          or (b.settled_at is null) = (now_is.done + now_is.failed >= now_is.photos))
$$;

COMMENT ON FUNCTION public.count_batch(batch_id text) IS 'Counts again how many photos of a batch there are, are embedded and have failed; in a batch that refreshes, are checked and could not be. Photos that were removed do not count.';

CREATE FUNCTION public.counted_photos(of_model integer, query public.vector, labels jsonb, filters jsonb) RETURNS text
    LANGUAGE plpgsql STABLE
    AS $_$
declare
  checked record := search_conditions(of_model, labels, filters);
begin
  if query is not null then
    return format('select photo_id from search_embeddings(%s, $2, $6, 0, $3, $4, kind => $7, min_score => $8)', of_model);
  end if;
  return format('select e.photo_id from embeddings e %s where e.model_id = %s %s',
                case when checked.needs_photos then 'join photos p on p.photo_id = e.photo_id' end, of_model, checked.conditions);
end $_$;

COMMENT ON FUNCTION public.counted_photos(of_model integer, query public.vector, labels jsonb, filters jsonb) IS 'Part of search_facets, search_places and shared_words: the photos that they count, as SQL with one column, photo_id. Parameters: $2 query, $3 labels, $4 filters, $6 n, $7 kind, $8 min_score.';

CREATE FUNCTION public.define_cluster_set(set_name text, labels text[], clustering jsonb, model text DEFAULT NULL::text) RETURNS integer
    LANGUAGE plpgsql
    AS $_$
declare
  of_model constant integer := model_id_of(model);
  of_set constant text := set_name;
  result integer;
begin
  if (set_name ~ '^[a-z][a-z0-9_]{0,62}$') is not true then
    raise exception 'the name of a label set has lower-case letters, digits and _, found %', coalesce(set_name, 'null') using errcode = 'UC005';
  end if;
  if coalesce(cardinality(labels), 0) = 0 or exists (select from unnest(labels) as label where coalesce(label, '') !~ '\S')
     or (select count(distinct lower(label)) from unnest(labels) as label) < cardinality(labels) then
    raise exception 'a name per cluster expected, all different, found %', coalesce(labels::text, 'null') using errcode = 'UC005';
  end if;
  if jsonb_typeof(clustering) is distinct from 'object' then
    raise exception 'clustering describes how the clusters were found, as a JSON object; found %', coalesce(clustering::text, 'null')
      using errcode = 'UC005';
  end if;
  perform label_lock(of_model, true);
  if exists (select from label_sets s where s.model_id = of_model and s.name = of_set and s.clustering is null) then
    raise exception 'the label set % has prompts or was trained, and clusters would replace it. Give the clusters another name, or remove that set first: unsplash-clip labels rm %',
      of_set, of_set using errcode = 'UC005';
  end if;
  delete from label_sets s where s.model_id = of_model and s.name = of_set;
  insert into label_sets (model_id, name, template, labels, clustering)
  values (of_model, of_set, format('clusters by %s', clustering->>'method'), labels, clustering)
  returning version into result;
  return result;
end $_$;

COMMENT ON FUNCTION public.define_cluster_set(set_name text, labels text[], clustering jsonb, model text) IS 'Stores a label set of clusters without their labels, in place of earlier clusters of that name, and returns the version to write label_rows under: in the same transaction, so that readers see the earlier clusters until all is there.';

CREATE FUNCTION public.define_label_set(set_name text, template text, labels text[], embeddings public.vector[], model text DEFAULT NULL::text, keep_known boolean DEFAULT false) RETURNS text
    LANGUAGE plpgsql
    AS $$
declare
  of_model constant integer := model_id_of(model);
  of_set constant text := set_name;
  model_dimension integer := (select m.dimension from models m where m.id = of_model);
begin
  perform check_label_names(set_name, labels);
  if template is null or strpos(template, '{label}') = 0 then
    raise exception 'a template with {label} in it expected, found %', coalesce(template, 'null') using errcode = 'UC005';
  end if;
  if coalesce(cardinality(labels), 0) = 0 or cardinality(labels) is distinct from cardinality(embeddings) then
    raise exception 'one embedding a label expected, found % labels and % embeddings',
      coalesce(cardinality(labels), 0), coalesce(cardinality(embeddings), 0) using errcode = 'UC005';
  end if;
  if exists (select from unnest(embeddings) as prompt
              where (vector_dims(prompt) = model_dimension and vector_norm(prompt) > 0) is not true) then
    raise exception 'the embedding of a prompt has % numbers, as those of the photos, and not all are 0', model_dimension
      using errcode = 'UC005';
  end if;
  embeddings := array(
    select l2_normalize(prompt) from unnest(embeddings) with ordinality as given (prompt, position) order by position);
  perform label_lock(of_model, true);
  if exists (select from label_definitions d where d.model_id = of_model and d.set_name = of_set and d.training is not null) then
    raise exception 'the label set % was trained on photos, and prompts would replace it. Give this one another name, or remove that one first: unsplash-clip labels rm %',
      of_set, of_set using errcode = 'UC005';
  end if;
  if not exists (select from label_sets s where s.model_id = of_model and s.name = of_set) then
    insert into label_sets (model_id, name, template, labels) values (of_model, of_set, template, labels);
    perform set_label_prompts(of_model, of_set, embeddings);
    return 'current';
  end if;
  if exists (select from label_definitions d where d.model_id = of_model and d.set_name = of_set and d.state = 'current'
                and d.template = define_label_set.template and d.labels = define_label_set.labels
                and (keep_known or same_prompts(d.prompts, embeddings))) then
    return 'current';
  end if;
  if not exists (select from label_definitions d where d.model_id = of_model and d.set_name = of_set and d.state = 'coming'
                    and d.template = define_label_set.template and d.labels = define_label_set.labels
                    and (keep_known or same_prompts(d.prompts, embeddings))) then
    perform drop_label_change(of_model, of_set);
    insert into label_changes (model_id, set_name, template, labels, prompts)
    values (of_model, of_set, template, labels, embeddings);
  end if;
  return 'coming';
end $$;

COMMENT ON FUNCTION public.define_label_set(set_name text, template text, labels text[], embeddings public.vector[], model text, keep_known boolean) IS 'Stores a label set with the embeddings of its prompts, one per label. A new set is current at once, without labels. A changed definition of a known set is coming, also if only the embeddings changed: relabel makes it current. It replaces an earlier coming definition. keep_known: template and labels alone make a definition; for embeddings that the same model made again. Returns current or coming.';

CREATE FUNCTION public.define_references(texts text[], embeddings public.vector[] DEFAULT NULL::public.vector[], k integer DEFAULT 32, model text DEFAULT NULL::text) RETURNS text
    LANGUAGE plpgsql
    AS $$
declare
  of_model constant integer := model_id_of(model);
  of_k constant integer := k;
  model_dimension integer := (select m.dimension from models m where m.id = of_model);
  known reference_sets;
  added integer;
begin
  if coalesce(cardinality(texts), 0) = 0 or (embeddings is not null and cardinality(texts) <> cardinality(embeddings)) then
    raise exception 'reference texts expected, each with an embedding or stored as a prompt, found % texts and % embeddings',
      coalesce(cardinality(texts), 0), coalesce(cardinality(embeddings)::text, 'no') using errcode = 'UC005';
  end if;
  if k is null or k < 1 then
    raise exception 'k must be a whole number from 1, found %', coalesce(k::text, 'null') using errcode = 'UC005';
  end if;
  texts := array(select normal_prompt(given.text) from unnest(texts) with ordinality as given (text, position) order by position);
  if (select count(distinct given.text) from unnest(texts) as given (text)) < cardinality(texts) then
    raise exception 'different reference texts expected, found "%" twice',
      (select given.text from unnest(texts) as given (text) group by given.text having count(*) > 1 limit 1) using errcode = 'UC005';
  end if;
  if embeddings is null then
    embeddings := array(
      select prompt_embedding(given.text, of_model::text) from unnest(texts) with ordinality as given (text, position) order by position);
  end if;
  if exists (select from unnest(embeddings) as given where (vector_dims(given) = model_dimension and vector_norm(given) > 0) is not true) then
    raise exception 'the embedding of a text has % numbers, as those of the photos, and not all are 0', model_dimension
      using errcode = 'UC005';
  end if;
  embeddings := array(
    select l2_normalize(given.embedding) from unnest(embeddings) with ordinality as given (embedding, position) order by position);
  perform label_lock(of_model, true);
  for known in select * from reference_sets s where s.model_id = of_model order by s.state = 'coming' loop
    if known.k = of_k
       and texts = array(select t.text from reference_texts t where t.version = known.version order by t.position)
       and same_prompts(embeddings, array(select t.embedding from reference_texts t where t.version = known.version order by t.position))
    then
      if known.state = 'current' then
        delete from reference_sets s where s.model_id = of_model and s.state = 'coming';
      end if;
      return known.state;
    end if;
  end loop;
  delete from reference_sets s where s.model_id = of_model and s.state = 'coming';
  insert into reference_sets (model_id, state, k) values (of_model, 'coming', of_k) returning version into added;
  -- What a model cannot tell from ten other texts means nothing to it. Others are the first thousand, so that long lists cost no more.
  with given as materialized (
    select g.text, g.embedding, g.position from unnest(texts, embeddings) with ordinality as g (text, embedding, position)
  )
  insert into reference_texts (version, position, text, embedding, known)
  select added, given.position, given.text, given.embedding,
         (select count(*) from given other
           where other.position <> given.position and other.position <= 1000 and -(other.embedding <#> given.embedding) >= 0.99) < 10
    from given;
  if not exists (select from reference_texts t where t.version = added and t.known) then
    raise exception 'reference texts that the model knows expected, found % that it cannot tell from each other', cardinality(texts)
      using errcode = 'UC005';
  end if;
  return 'coming';
end $$;

COMMENT ON FUNCTION public.define_references(texts text[], embeddings public.vector[], k integer, model text) IS 'Stores texts that all photos of a model are to be compared with, with their embeddings; without these, the texts must be stored prompts. The set is coming: score_references compares the photos, and makes it current. It replaces an earlier coming one. Texts that the model cannot tell from ten others are not known to it (reference_texts.known). Returns coming, or current where searches use the same texts, embeddings and k already.';

CREATE FUNCTION public.define_trained_set(set_name text, labels text[], weights public.vector[], biases double precision[], training jsonb, model text DEFAULT NULL::text) RETURNS text
    LANGUAGE plpgsql
    AS $$
declare
  of_model constant integer := model_id_of(model);
  of_set constant text := set_name;
  model_dimension integer := (select m.dimension from models m where m.id = of_model);
  -- What {label} becomes in the rows of label_prompts.
  label_alone constant text := '{label}';
  directions vector[];
  factors double precision[];
begin
  perform check_label_names(set_name, labels);
  if coalesce(cardinality(labels), 0) < 2 or cardinality(labels) is distinct from cardinality(weights)
     or cardinality(labels) is distinct from cardinality(biases) then
    raise exception 'two labels or more, and a vector of weights and a bias for each expected, found % labels, % vectors and % biases',
      coalesce(cardinality(labels), 0), coalesce(cardinality(weights), 0), coalesce(cardinality(biases), 0) using errcode = 'UC005';
  end if;
  if exists (select from unnest(weights) as weight
              where (vector_dims(weight) = model_dimension and vector_norm(weight) between 1e-6 and 1e6) is not true) then
    raise exception 'a vector of weights has % numbers, as the embeddings of the photos, and a length from 1e-6 to 1e6', model_dimension
      using errcode = 'UC005';
  end if;
  if exists (select from unnest(biases) as bias where (abs(bias) <= 1e6) is not true) then
    raise exception 'biases from -1e6 to 1e6 expected, found %', biases using errcode = 'UC005';
  end if;
  if jsonb_typeof(training) is distinct from 'object' then
    raise exception 'training describes how the set was trained, as a JSON object; found %', coalesce(training::text, 'null')
      using errcode = 'UC005';
  end if;
  directions := array(
    select l2_normalize(weight) from unnest(weights) with ordinality as given (weight, position) order by position);
  factors := array(
    select vector_norm(weight) from unnest(weights) with ordinality as given (weight, position) order by position);
  perform label_lock(of_model, true);
  if exists (select from label_definitions d where d.model_id = of_model and d.set_name = of_set and d.training is null) then
    raise exception 'the label set % was not trained, and this one would replace it. Give this one another name, or remove that one first: unsplash-clip labels rm %',
      of_set, of_set using errcode = 'UC005';
  end if;
  if not exists (select from label_sets s where s.model_id = of_model and s.name = of_set) then
    insert into label_sets (model_id, name, template, labels, scales, biases, training)
    values (of_model, of_set, label_alone, labels, factors, biases, training);
    perform set_label_prompts(of_model, of_set, directions);
    return 'current';
  end if;
  -- A definition that is coming ends here, whether or not this one differs from the current one.
  perform drop_label_change(of_model, of_set);
  if exists (select from label_definitions d where d.model_id = of_model and d.set_name = of_set and d.labels = define_trained_set.labels
                and d.scales = factors and d.biases = define_trained_set.biases and same_prompts(d.prompts, directions)) then
    update label_sets s set training = define_trained_set.training where s.model_id = of_model and s.name = of_set;
    return 'current';
  end if;
  insert into label_changes (model_id, set_name, template, labels, prompts, scales, biases, training)
  values (of_model, of_set, label_alone, labels, directions, factors, biases, training);
  return 'coming';
end $$;

COMMENT ON FUNCTION public.define_trained_set(set_name text, labels text[], weights public.vector[], biases double precision[], training jsonb, model text) IS 'Stores a label set that was trained on vectors: logit of a label = its weights x the embedding of the photo, scaled to unit length, + its bias; scores are the softmax over the set. A new set is current at once, without labels; a changed one is coming until relabel makes it current. Photos that are ingested later get its labels, too. Returns current or coming.';

CREATE FUNCTION public.distance_km(latitude_a double precision, longitude_a double precision, latitude_b double precision, longitude_b double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
  select 2 * 6371.0088 * asin(least(1, sqrt(
    sin(radians(latitude_b - latitude_a) / 2) ^ 2
    + cos(radians(latitude_a)) * cos(radians(latitude_b)) * sin(radians(longitude_b - longitude_a) / 2) ^ 2)))
$$;

COMMENT ON FUNCTION public.distance_km(latitude_a double precision, longitude_a double precision, latitude_b double precision, longitude_b double precision) IS 'Great-circle distance between two places given in degrees, in kilometres, on a sphere (haversine); the error is at most 0.6 %.';

CREATE FUNCTION public.drop_label_change(of_model integer, of_set text) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
begin
  delete from label_ranges r using label_definitions d
   where r.version = d.version and d.model_id = of_model and d.set_name = of_set;
  delete from label_changes c where c.model_id = of_model and c.set_name = of_set;
  return found;
end $$;

COMMENT ON FUNCTION public.drop_label_change(of_model integer, of_set text) IS 'Part of define_label_set and cancel_relabel: deletes the coming definition of a set. sweep_labels deletes its labels.';

CREATE FUNCTION public.drop_label_rows() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  delete from label_ranges r using label_definitions d
   where r.version = d.version and d.model_id = old.model_id and d.set_name = old.name;
  -- Labels of earlier versions, which nobody reads, are left to sweep_labels.
  delete from label_rows l
   where l.version = any (array(select d.version from label_definitions d where d.model_id = old.model_id and d.set_name = old.name));
  return old;
end $$;

COMMENT ON FUNCTION public.drop_label_rows() IS 'Trigger: deletes the labels of a set together with the set.';

CREATE FUNCTION public.drop_references(model text DEFAULT NULL::text) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare
  of_model constant integer := model_id_of(model);
begin
  perform label_lock(of_model, true);
  delete from reference_sets s where s.model_id = of_model;
  return found;
end $$;

COMMENT ON FUNCTION public.drop_references(model text) IS 'Removes the reference texts of a model: searches by words are ordered by their scores again. False when there are none. sweep_reference_scores deletes what is left of them.';

CREATE FUNCTION public.drop_stale_labels() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  -- Nobody may be labelling from the embedding that is replaced here: that label would outlive it.
  perform label_lock(old.model_id, true);
  delete from label_rows l
   where l.photo_id = old.photo_id
     and l.version = any (array(select s.version from label_sets s where s.model_id = old.model_id
                                union all select c.version from label_changes c where c.model_id = old.model_id));
  return null;
end $$;

COMMENT ON FUNCTION public.drop_stale_labels() IS 'Trigger: deletes the labels of a photo under a model when its embedding is replaced or deleted. "labels predict", relabel and label_photos label it again.';

CREATE FUNCTION public.duplicate_groups(threshold double precision DEFAULT 0.95, model text DEFAULT NULL::text, labels jsonb DEFAULT '[]'::jsonb, filters jsonb DEFAULT '[]'::jsonb, method text DEFAULT NULL::text, neighbours integer DEFAULT 20) RETURNS TABLE(group_number bigint, photo_id text, representative_id text, photos bigint, score double precision)
    LANGUAGE sql STABLE
    AS $$
  select g.* from (
    select coalesce(array_agg(d.photo_id), '{}') as photo_ids, coalesce(array_agg(d.other_id), '{}') as other_ids
      from near_duplicates(duplicate_groups.threshold, duplicate_groups.model, duplicate_groups.labels,
                           duplicate_groups.filters, duplicate_groups.method, duplicate_groups.neighbours) as d) as pairs
   cross join lateral group_pairs(pairs.photo_ids, pairs.other_ids, duplicate_groups.model) as g
$$;

COMMENT ON FUNCTION public.duplicate_groups(threshold double precision, model text, labels jsonb, filters jsonb, method text, neighbours integer) IS 'The pairs of near_duplicates as groups: photos that are connected by pairs, directly or through others. See group_pairs.';

CREATE FUNCTION public.duplicate_method(of_model integer, labels jsonb, filters jsonb, method text DEFAULT NULL::text) RETURNS text
    LANGUAGE plpgsql STABLE
    AS $_$
declare
  checked record := search_conditions(of_model, labels, filters);
  indexed boolean := exists (
    select from search_settings s join pg_index i on i.indexrelid = to_regclass(quote_ident(s.index_name)) and i.indisvalid
     where s.model_id = of_model and s.query_kind = 'image');
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
end $_$;

COMMENT ON FUNCTION public.duplicate_method(of_model integer, labels jsonb, filters jsonb, method text) IS 'Part of near_duplicates: how it finds pairs. Unless a method is given: exact for up to 10,000 photos that fulfil labels and filters; beyond that by the index for image queries, or exact up to 100,000 photos where there is none.';

CREATE PROCEDURE public.embed_prompt(IN prompt text, IN timeout interval DEFAULT '00:00:10'::interval, IN model text DEFAULT NULL::text)
    LANGUAGE plpgsql
    AS $$
declare
  of_model integer := model_id_of(model);
  wanted text := normal_prompt(prompt);
  request bigint;
  give_up_at timestamptz;
  found_problem text;
begin
  if timeout is null or not timeout between '0' and '1 hour' then
    raise exception 'timeout expects an interval up to an hour, found %', coalesce(timeout::text, 'null') using errcode = 'UC005';
  end if;
  if clients_share_session() then
    raise exception 'On the embedded server nobody can wait for a worker, since all clients share one session. Run: % (or ask with select request_prompt(%), and look again in a moment)',
      prompt_command(of_model, wanted), quote_literal(wanted) using errcode = 'UC006';
  end if;
  request := request_prompt(wanted, of_model::text);
  if request is null then
    return;
  end if;
  commit;
  give_up_at := clock_timestamp() + timeout;
  loop
    select r.problem into found_problem from prompt_requests r where r.id = request and r.answered_at is not null;
    exit when found;
    if clock_timestamp() >= give_up_at then
      raise exception 'No worker answered within %. The request stays. Start a worker of the model, or run: %', timeout,
        prompt_command(of_model, wanted) using errcode = 'UC006';
    end if;
    -- Between two looks no transaction is open that would hold up a vacuum.
    commit;
    perform pg_sleep(0.02);
  end loop;
  if found_problem is not null then
    raise exception 'A worker could not embed "%": %', wanted, found_problem using errcode = 'UC006';
  end if;
end $$;

COMMENT ON PROCEDURE public.embed_prompt(IN prompt text, IN timeout interval, IN model text) IS 'Asks a running worker to embed a prompt, and waits for it: call embed_prompt(at night). It commits, so call it outside a transaction. SQLSTATE UC006 when no worker answered in time, or could not embed it. Not on the embedded server.';

CREATE FUNCTION public.embedding_of(of_model integer, of_photo text) RETURNS public.vector
    LANGUAGE plpgsql STABLE
    AS $$
declare
  result vector;
begin
  select e.embedding::vector into result from embeddings e where e.model_id = of_model and e.photo_id = of_photo;
  if result is null then
    raise exception 'Photo % is not embedded with this model', of_photo using errcode = 'UC002';
  end if;
  return result;
end $$;

COMMENT ON FUNCTION public.embedding_of(of_model integer, of_photo text) IS 'The embedding of a photo, in single precision; an error when there is none.';

CREATE FUNCTION public.expected_matches(of_model integer, labels jsonb, filters jsonb) RETURNS double precision
    LANGUAGE plpgsql STRICT
    AS $$
declare
  checked record := search_conditions(of_model, labels, filters);
  plan json;
begin
  -- EXPLAIN plans with the values as they are. Volatile, because a stable function may not run it. The model's id stands in
  -- the text so that the planner reads one partition.
  execute format('explain (format json) select from embeddings e %s where e.model_id = %s %s',
                 case when checked.needs_photos then 'join photos p on p.photo_id = e.photo_id' end, of_model, checked.conditions)
    into plan using null::vector, null::text, labels, filters;
  return (plan -> 0 -> 'Plan' ->> 'Plan Rows')::double precision;
end $$;

COMMENT ON FUNCTION public.expected_matches(of_model integer, labels jsonb, filters jsonb) IS 'Number of photos of a model for which the planner expects conditions to hold: an estimate that reads no photo.';

CREATE FUNCTION public.facet_expression(facet text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
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
    -- Below the folder that all have in common; depth is its length.
    when 'folder' then 'case when cardinality(b.folder) > common.depth
      then array_to_string((b.folder)[1:common.depth + 1], ''/'') || ''/'' end'
  end
$$;

COMMENT ON FUNCTION public.facet_expression(facet text) IS 'Part of search_facets: the value of a metadata facet, as SQL over photos p, or for the folder over b.folder and common; null for a name that is no facet.';

CREATE FUNCTION public.facet_place(facet text, value text) RETURNS integer
    LANGUAGE sql IMMUTABLE
    AS $$
  select case
    when facet = 'iso' then array_position(array['up to 100', '101 to 200', '201 to 400', '401 to 800', '801 to 1600',
                                                 '1601 to 3200', '3201 to 6400', 'over 6400'], value)
    when facet in ('year', 'month') then replace(value, '-', '')::integer
  end
$$;

COMMENT ON FUNCTION public.facet_place(facet text, value text) IS 'Part of search_facets: position of a value in a facet that has an order of its own; null for other facets.';

CREATE FUNCTION public.facet_table(facet text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
  select case facet
    when 'keyword' then 'select photo_id, keyword as value from photo_keywords'
    when 'color' then 'select distinct photo_id, keyword as value from photo_colors where keyword is not null'
    when 'collection' then 'select distinct photo_id, coalesce(collection_title, collection_id) as value from photo_collections'
  end
$$;

COMMENT ON FUNCTION public.facet_table(facet text) IS 'Part of search_facets: photos and values of a facet of which a photo has many values, as SQL; null for other names.';

CREATE FUNCTION public.fill_photo_metadata(of_files jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  -- Null is filled, and nothing known is replaced: rows of the dataset keep their values. A size or a place is filled as a
  -- whole.
  update photos p
     set photo_submitted_at = coalesce(p.photo_submitted_at, f.photo_submitted_at),
         exif_time_offset = case when p.photo_submitted_at is null then f.exif_time_offset else p.exif_time_offset end,
         photo_width = case when p.photo_width is null and p.photo_height is null then f.photo_width else p.photo_width end,
         photo_height = case when p.photo_width is null and p.photo_height is null then f.photo_height else p.photo_height end,
         photo_aspect_ratio = coalesce(p.photo_aspect_ratio,
           case when p.photo_width is null and p.photo_height is null then f.photo_aspect_ratio end),
         photo_location_latitude = case when p.photo_location_latitude is null and p.photo_location_longitude is null
           then f.photo_location_latitude else p.photo_location_latitude end,
         photo_location_longitude = case when p.photo_location_latitude is null and p.photo_location_longitude is null
           then f.photo_location_longitude else p.photo_location_longitude end,
         photo_title = coalesce(p.photo_title, f.photo_title),
         photo_description = coalesce(p.photo_description, f.photo_description),
         photo_rating = coalesce(p.photo_rating, f.photo_rating),
         photographer_username = coalesce(p.photographer_username, f.photographer_username),
         photo_location_name = coalesce(p.photo_location_name, f.photo_location_name),
         photo_location_city = coalesce(p.photo_location_city, f.photo_location_city),
         photo_location_country = coalesce(p.photo_location_country, f.photo_location_country),
         exif_camera_make = coalesce(p.exif_camera_make, f.exif_camera_make),
         exif_camera_model = coalesce(p.exif_camera_model, f.exif_camera_model),
         exif_lens = coalesce(p.exif_lens, f.exif_lens),
         exif_iso = coalesce(p.exif_iso, f.exif_iso),
         exif_aperture_value = coalesce(p.exif_aperture_value, f.exif_aperture_value),
         exif_focal_length = coalesce(p.exif_focal_length, f.exif_focal_length),
         exif_exposure_time = coalesce(p.exif_exposure_time, f.exif_exposure_time),
         exif_orientation = coalesce(p.exif_orientation, f.exif_orientation)
    from jsonb_array_elements(of_files) as entry cross join jsonb_populate_record(null::photos, entry) as f
   where p.photo_id = f.photo_id
     and exists (select from jsonb_object_keys(entry) as key where to_jsonb(p) -> key = 'null');

  insert into photo_keywords (photo_id, keyword, suggested_by_user, user_suggestion_source)
  select f.photo_id, keyword, true, 'file'
    from jsonb_to_recordset(of_files) as f (photo_id text, keywords text[]) cross join unnest(f.keywords) as keyword
   where exists (select from photos p where p.photo_id = f.photo_id)
   order by f.photo_id collate "C", keyword collate "C"
  on conflict (photo_id, keyword) do nothing;
end $$;

COMMENT ON FUNCTION public.fill_photo_metadata(of_files jsonb) IS 'Part of record_outcome: fills unknown metadata columns of photos with what their files say, and adds the keywords of the files. of_files: an array of objects with photo_id, columns of photos, and keywords.';

CREATE FUNCTION public.filter_condition(entry jsonb, n integer, of_model integer, OUT condition text, OUT needs_photos boolean) RETURNS record
    LANGUAGE plpgsql STABLE
    AS $$
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
    when subject = 'shows' then shows_condition(entry, n, of_model)
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
    raise exception 'a filter is {"column": …, "operator": …, "value": …} or one of near, orientation, photos, not_photos, keyword (and min_confidence), collection, color, shows, found %',
      left(entry::text, 200) using errcode = 'UC001';
  end if;
end $$;

COMMENT ON FUNCTION public.filter_condition(entry jsonb, n integer, of_model integer, OUT condition text, OUT needs_photos boolean) IS 'Part of search_conditions: one entry of filters, and whether it reads the table photos.';

CREATE FUNCTION public.group_pairs(photo_ids text[], other_ids text[], model text DEFAULT NULL::text) RETURNS TABLE(group_number bigint, photo_id text, representative_id text, photos bigint, score double precision)
    LANGUAGE plpgsql STABLE
    AS $$
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

COMMENT ON FUNCTION public.group_pairs(photo_ids text[], other_ids text[], model text) IS 'Groups of photos that are connected by pairs, the largest group first. The representative is the photo with the most pixels, then the earliest submitted. It comes first in its group; the others follow by falling score, their similarity to it.';

CREATE FUNCTION public.host_limits_clock() RETURNS bigint
    LANGUAGE sql
    AS $$select (extract(epoch from clock_timestamp()) * 1000000)::bigint$$;

COMMENT ON FUNCTION public.host_limits_clock() IS 'Microseconds since 1970, now; changes within a transaction.';

CREATE FUNCTION public.host_slots_hold(of_host text, opened bigint) RETURNS boolean
    LANGUAGE sql
    AS $$
  select exists (
    select from host_limits where host = of_host and opened_us = opened and paused_until_us <= host_limits_clock())
$$;

COMMENT ON FUNCTION public.host_slots_hold(of_host text, opened bigint) IS 'Whether slots that were reserved under this opened_us may be used now.';

CREATE FUNCTION public.image_folder(image_url text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $_$
  select case when image_url like 'file:%' or image_url like 's3:%' then string_to_array(regexp_replace(image_url, '/[^/]*$', ''), '/') end
$_$;

COMMENT ON FUNCTION public.image_folder(image_url text) IS 'Part of search_facets: the folder of an image file or object, by its names from the outside in; null for other addresses.';

CREATE FUNCTION public.import_vectors(of_model integer, photo_ids text[], vectors public.halfvec[], OUT added bigint, OUT replaced bigint) RETURNS record
    LANGUAGE plpgsql
    AS $$
declare
  written bigint;
begin
  -- As record_outcome does: a worker must not record a failure of a photo whose embedding it does not see.
  perform from photos p where p.photo_id = any (photo_ids) order by p.photo_id for no key update;
  select count(*) into replaced
    from unnest(photo_ids, vectors) as given (photo_id, vector)
    join embeddings e on e.model_id = of_model and e.photo_id = given.photo_id
   where e.embedding <> given.vector;
  -- As drop_stale_labels does, but before rows are locked: two sessions that replace embeddings cannot deadlock.
  if replaced > 0 then
    perform label_lock(of_model, true);
  end if;
  -- A trigger deletes the labels of an embedding that is replaced.
  insert into embeddings as e (model_id, photo_id, embedding)
  select of_model, given.photo_id, given.vector
    from unnest(photo_ids, vectors) as given (photo_id, vector)
   where exists (select from photos p where p.photo_id = given.photo_id)
   order by given.photo_id collate "C"
  on conflict (model_id, photo_id) do update set embedding = excluded.embedding
   where e.embedding <> excluded.embedding;
  get diagnostics written = row_count;
  delete from failures f where f.model_id = of_model and f.photo_id = any (photo_ids);
  perform label_trained_sets(of_model, photo_ids);
  added := written - replaced;
end $$;

COMMENT ON FUNCTION public.import_vectors(of_model integer, photo_ids text[], vectors public.halfvec[], OUT added bigint, OUT replaced bigint) IS 'Writes vectors of photos that were made elsewhere, one per photo id. Writing the same ones twice changes nothing. Returns how many photos had no vector of the model, and how many had another one.';

CREATE FUNCTION public.keep_clusters() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  if exists (select from label_sets s where s.model_id = new.model_id and s.name = new.set_name and s.clustering is not null) then
    raise exception 'the label set % has clusters, and another definition would replace it. Give this one another name, or remove that one first: unsplash-clip labels rm %',
      new.set_name, new.set_name using errcode = 'UC005';
  end if;
  return new;
end $$;

COMMENT ON FUNCTION public.keep_clusters() IS 'Trigger: refuses a changed definition for a label set of clusters, whose labels no prompt gives back.';

CREATE FUNCTION public.keep_reference_scores() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
  batch record;
begin
  if tg_op = 'DELETE' then
    delete from reference_scores s using deleted d, reference_sets r
     where r.model_id = d.model_id and s.version = r.version and s.photo_id = d.photo_id;
  elsif tg_op = 'INSERT' then
    for batch in select w.model_id, array_agg(w.photo_id) as photos from written w group by w.model_id order by w.model_id loop
      perform reference_batch(batch.model_id, batch.photos);
    end loop;
  else
    for batch in
      select w.model_id, array_agg(w.photo_id) as photos
        from written w join replaced r on r.model_id = w.model_id and r.photo_id = w.photo_id
       where r.embedding <> w.embedding group by w.model_id order by w.model_id
    loop
      perform reference_batch(batch.model_id, batch.photos);
    end loop;
  end if;
  return null;
end $$;

COMMENT ON FUNCTION public.keep_reference_scores() IS 'Trigger: compares photos whose embedding is written with the reference texts of the model, and forgets those whose embedding is deleted.';

CREATE FUNCTION public.keep_returned_copies() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  delete from removed_copies r using new_rows n where r.photo_id = n.photo_id;
  return null;
end $$;

COMMENT ON FUNCTION public.keep_returned_copies() IS 'Trigger: the copies of a removed photo that comes back are not deleted.';

CREATE FUNCTION public.keywords_changed_words() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  -- remove_photos deletes the words too.
  if tg_op = 'DELETE' and current_setting('unsplash_clip.removing_photos', true) = 'on' then
    return null;
  end if;
  if tg_op = 'INSERT' then
    perform write_photo_texts(array(select distinct photo_id from new_rows));
  elsif tg_op = 'DELETE' then
    perform write_photo_texts(array(select distinct photo_id from old_rows));
  else
    perform write_photo_texts(array(select photo_id from new_rows union select photo_id from old_rows));
  end if;
  return null;
end $$;

COMMENT ON FUNCTION public.keywords_changed_words() IS 'Trigger: updates photo_texts after a change of photo_keywords.';

CREATE FUNCTION public.label_batch(of_model integer, of_set text, photo_ids text[]) RETURNS bigint
    LANGUAGE plpgsql
    AS $_$
declare
  model models;
  definition label_definitions;
  written bigint;
  changed bigint;
begin
  perform label_lock(of_model, false);
  select * into model from models where id = of_model;
  for definition in
    select * from label_definitions d where d.model_id = of_model and d.set_name = of_set order by d.state = 'coming'
  loop
    if cardinality(definition.prompts) = 0 then
      raise exception 'The label set % has clusters, whose labels are written once. Find them again: unsplash-clip analyze cluster --save %', of_set, of_set
        using errcode = 'UC005';
    end if;
    execute label_statement(definition, 'e.photo_id = any ($7)',
        'do update set label = excluded.label, score = excluded.score, scores = excluded.scores
          where (r.label, r.scores) is distinct from (excluded.label, excluded.scores)')
      using definition.version, of_set, definition.labels, definition.prompts, model.logit_scale, model.logit_bias, photo_ids;
    get diagnostics written = row_count;
    changed := coalesce(changed, written);
  end loop;
  if changed is null then
    raise exception 'Label set % is not stored for this model. Run: unsplash-clip labels predict %', of_set, of_set using errcode = 'UC003';
  end if;
  return changed;
end $_$;

COMMENT ON FUNCTION public.label_batch(of_model integer, of_set text, photo_ids text[]) IS 'Labels these photos from their stored embeddings: logit = logit scale x cosine similarity to each prompt + bias, score = softmax over the set or sigmoid of each, depending on the model; a trained set has a factor and a bias per label instead, and softmax; the label is the one with the largest logit. Also labels under a coming definition. Returns how many labels that readers see were new or changed.';

CREATE FUNCTION public.label_conditions(of_model integer, labels jsonb) RETURNS text
    LANGUAGE plpgsql STABLE
    AS $_$
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
end $_$;

COMMENT ON FUNCTION public.label_conditions(of_model integer, labels jsonb) IS 'Part of search_conditions: conditions on labels of a model.';

CREATE SEQUENCE public.label_versions
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

COMMENT ON SEQUENCE public.label_versions IS 'Numbers the definitions of label sets: each changed definition is a new version.';

CREATE TABLE public.label_changes (
    model_id integer NOT NULL,
    set_name text NOT NULL,
    version integer DEFAULT nextval('public.label_versions'::regclass) NOT NULL,
    template text NOT NULL,
    labels text[] NOT NULL,
    prompts public.vector[] NOT NULL,
    complete boolean DEFAULT false NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    scales double precision[],
    biases double precision[],
    training jsonb,
    CONSTRAINT label_changes_check CHECK ((((scales IS NULL) = (training IS NULL)) AND (NOT (cardinality(scales) IS DISTINCT FROM cardinality(biases)))))
);

COMMENT ON TABLE public.label_changes IS 'Changed definitions of label sets that are not current yet: photos are labelled under them, unseen by readers, until label_switch.';

COMMENT ON COLUMN public.label_changes.model_id IS 'The model.';

COMMENT ON COLUMN public.label_changes.set_name IS 'Name of the label set.';

COMMENT ON COLUMN public.label_changes.version IS 'Selects the rows of label_rows that are labelled under this definition.';

COMMENT ON COLUMN public.label_changes.template IS 'Template of the prompts; {label} stands for the label.';

COMMENT ON COLUMN public.label_changes.labels IS 'The labels, in order.';

COMMENT ON COLUMN public.label_changes.prompts IS 'Embeddings of the prompts, in the order of the labels.';

COMMENT ON COLUMN public.label_changes.complete IS 'Every photo has a label under this definition, so it may become current.';

COMMENT ON COLUMN public.label_changes.started_at IS 'When the definition was stored.';

COMMENT ON COLUMN public.label_changes.scales IS 'As label_sets.scales.';

COMMENT ON COLUMN public.label_changes.biases IS 'As label_sets.biases.';

COMMENT ON COLUMN public.label_changes.training IS 'As label_sets.training.';

CREATE TABLE public.label_prompts (
    model_id integer NOT NULL,
    set_name text NOT NULL,
    "position" integer NOT NULL,
    label text NOT NULL,
    prompt text NOT NULL,
    embedding public.vector NOT NULL,
    CONSTRAINT label_prompts_embedding_check CHECK ((public.vector_norm(embedding) > (0)::double precision))
);

COMMENT ON TABLE public.label_prompts IS 'The prompt of each label and its text embedding.';

COMMENT ON COLUMN public.label_prompts.model_id IS 'The model.';

COMMENT ON COLUMN public.label_prompts.set_name IS 'Name of the label set.';

COMMENT ON COLUMN public.label_prompts."position" IS 'Position of the label in its set, from 1.';

COMMENT ON COLUMN public.label_prompts.label IS 'The label.';

COMMENT ON COLUMN public.label_prompts.prompt IS 'The template with the label filled in.';

COMMENT ON COLUMN public.label_prompts.embedding IS 'Text embedding of the prompt.';

CREATE TABLE public.label_sets (
    model_id integer NOT NULL,
    name text NOT NULL,
    template text NOT NULL,
    labels text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    version integer DEFAULT nextval('public.label_versions'::regclass) NOT NULL,
    scales double precision[],
    biases double precision[],
    training jsonb,
    clustering jsonb,
    CONSTRAINT label_sets_check CHECK ((((scales IS NULL) = (training IS NULL)) AND (NOT (cardinality(scales) IS DISTINCT FROM cardinality(biases)))))
);

COMMENT ON TABLE public.label_sets IS 'Zero-shot label sets as readers see them now, one row per model and set.';

COMMENT ON COLUMN public.label_sets.model_id IS 'The model.';

COMMENT ON COLUMN public.label_sets.name IS 'Name of the set, such as taken_time.';

COMMENT ON COLUMN public.label_sets.template IS 'Template of the prompts; {label} stands for the label.';

COMMENT ON COLUMN public.label_sets.labels IS 'The labels, in order.';

COMMENT ON COLUMN public.label_sets.created_at IS 'When this definition became current.';

COMMENT ON COLUMN public.label_sets.version IS 'Selects the rows of label_rows that hold the labels of this set.';

COMMENT ON COLUMN public.label_sets.scales IS 'Of a trained set: per label, the factor from the cosine similarity with its direction (label_prompts.embedding) to its logit. Null: the set has prompts, and its model has the factor.';

COMMENT ON COLUMN public.label_sets.biases IS 'Of a trained set: per label, what is added to its logit. Null: the set has prompts.';

COMMENT ON COLUMN public.label_sets.training IS 'Of a trained set: how it was trained, with numbers of examples and measured quality. Null: the set has prompts.';

COMMENT ON COLUMN public.label_sets.clustering IS 'Of clusters: method, numbers and quality. Their labels are written once, and the set has no prompts. Null: the labels follow from prompts or training.';

CREATE VIEW public.label_definitions AS
 SELECT s.model_id,
    s.name AS set_name,
    s.version,
    'current'::text AS state,
    s.template,
    s.labels,
    ARRAY( SELECT p.embedding
           FROM public.label_prompts p
          WHERE ((p.model_id = s.model_id) AND (p.set_name = s.name))
          ORDER BY p."position") AS prompts,
    s.scales,
    s.biases,
    s.training
   FROM public.label_sets s
UNION ALL
 SELECT label_changes.model_id,
    label_changes.set_name,
    label_changes.version,
    'coming'::text AS state,
    label_changes.template,
    label_changes.labels,
    label_changes.prompts,
    label_changes.scales,
    label_changes.biases,
    label_changes.training
   FROM public.label_changes;

COMMENT ON VIEW public.label_definitions IS 'Label sets that photos are labelled under now: those that readers see (current), and those that will replace them (coming).';

COMMENT ON COLUMN public.label_definitions.model_id IS 'Id of the model.';

COMMENT ON COLUMN public.label_definitions.set_name IS 'Name of the label set.';

COMMENT ON COLUMN public.label_definitions.version IS 'Selects the rows of label_rows.';

COMMENT ON COLUMN public.label_definitions.state IS 'current or coming.';

COMMENT ON COLUMN public.label_definitions.template IS 'Template of the prompts; {label} stands for the label.';

COMMENT ON COLUMN public.label_definitions.labels IS 'The labels, in order.';

COMMENT ON COLUMN public.label_definitions.prompts IS 'Embeddings of the prompts, or directions of a trained set, in the order of the labels.';

COMMENT ON COLUMN public.label_definitions.scales IS 'Of a trained set: factor from cosine similarity to logit, per label; null: the model has it.';

COMMENT ON COLUMN public.label_definitions.biases IS 'Of a trained set: added to the logit, per label; null: the model has it.';

COMMENT ON COLUMN public.label_definitions.training IS 'How a trained set was trained; null: the set has prompts.';

CREATE FUNCTION public.label_definition(of_model integer, of_set text) RETURNS public.label_definitions
    LANGUAGE plpgsql STABLE
    AS $$
declare
  definition label_definitions;
begin
  select * into definition from label_definitions d
   where d.model_id = of_model and d.set_name = of_set order by d.state = 'coming' desc limit 1;
  if definition is null then
    raise exception 'Label set % is not stored for this model. Run: unsplash-clip labels predict %', of_set, of_set using errcode = 'UC003';
  end if;
  if cardinality(definition.prompts) = 0 then
    raise exception 'The label set % has clusters, whose labels are written once. Find them again: unsplash-clip analyze cluster --save %', of_set, of_set
      using errcode = 'UC005';
  end if;
  return definition;
end $$;

COMMENT ON FUNCTION public.label_definition(of_model integer, of_set text) IS 'The definition to label photos under: the coming one, if there is one.';

CREATE FUNCTION public.label_histogram(set_name text, model text DEFAULT NULL::text) RETURNS TABLE(label text, photos bigint, share double precision)
    LANGUAGE sql STABLE
    AS $$
  select names.label, count(l.version), count(l.version) / nullif(sum(count(l.version)) over (), 0)::double precision
    from label_sets s
   cross join unnest(s.labels) with ordinality as names (label, position)
    left join label_rows l on l.version = s.version and l.label = names.label
   where s.model_id = model_id_of(label_histogram.model) and s.name = label_histogram.set_name
   group by names.label, names.position order by names.position
$$;

COMMENT ON FUNCTION public.label_histogram(set_name text, model text) IS 'Number of photos per label of a set, in the order of the set.';

CREATE FUNCTION public.label_lock(of_model integer, alone boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  if alone then
    perform pg_advisory_xact_lock(1668047986, of_model);
  else
    perform pg_advisory_xact_lock_shared(1668047986, of_model);
  end if;
end $$;

COMMENT ON FUNCTION public.label_lock(of_model integer, alone boolean) IS 'Keeps label definitions unchanged until the end of the transaction. alone: also lets no other session label photos of this model.';

CREATE FUNCTION public.label_page(of_model integer, of_set text) RETURNS bigint
    LANGUAGE plpgsql
    AS $_$
declare
  model models;
  definition label_definitions;
  page label_ranges;
  labelled bigint;
begin
  perform label_lock(of_model, false);
  definition := label_definition(of_model, of_set);
  loop
    delete from label_ranges r where (r.version, r.first_block) = (
      select n.version, n.first_block from label_ranges n where n.version = definition.version
       order by n.first_block limit 1 for update skip locked)
    returning * into page;
    exit when found;
    -- Others have the last ones. They are waited for: who dies leaves its page to be done.
    perform from label_ranges r where r.version = definition.version limit 1 for update;
    if not found then
      return null;
    end if;
  end loop;
  select * into model from models where id = of_model;
  -- In the order of the disk. Who has a label got it from a worker, meanwhile.
  execute label_statement(definition, 'e.ctid >= $7 and e.ctid < $8', 'do nothing')
    using definition.version, of_set, definition.labels, definition.prompts, model.logit_scale, model.logit_bias,
          format('(%s,0)', page.first_block)::tid, format('(%s,0)', page.end_block)::tid;
  get diagnostics labelled = row_count;
  return labelled;
end $_$;

COMMENT ON FUNCTION public.label_page(of_model integer, of_set text) IS 'Labels a few thousand photos that label_rest has set aside. Any number of sessions may call it at the same time. Null: nothing is set aside.';

CREATE FUNCTION public.label_photos(set_name text, model text DEFAULT NULL::text) RETURNS bigint
    LANGUAGE sql
    AS $$
  select label_batch(model_id_of(label_photos.model), label_photos.set_name, array(
    select e.photo_id from embeddings e
     where e.model_id = model_id_of(label_photos.model)
       and not exists (select from photo_labels l where l.model_id = e.model_id
                          and l.set_name = label_photos.set_name and l.photo_id = e.photo_id)))
$$;

COMMENT ON FUNCTION public.label_photos(set_name text, model text) IS 'Labels every embedded photo that has no label of this set yet. The prompts of the set must be stored: unsplash-clip labels predict SET stores them.';

CREATE FUNCTION public.label_rest(of_model integer, of_set text, OUT labelled bigint, OUT queued bigint) RETURNS record
    LANGUAGE plpgsql
    SET enable_nestloop TO 'on'
    AS $_$
declare
  at_once constant integer := 5000;
  definition label_definitions;
  photos text[];
  row_bytes integer := (select case when 2 * dimension < 1900 then 2 * dimension + 90 else 110 end from models where id = of_model);
  range_blocks bigint;
begin
  -- One looks, the others wait, and find what it left.
  perform pg_advisory_xact_lock(1668047987, of_model);
  perform label_lock(of_model, false);
  definition := label_definition(of_model, of_set);
  -- One pass over both tables, whatever the statistics say: those of a set that was just written know none of its rows, and the
  -- planner would join as if there were none, or look for each photo among all rows of the set by the index of labels. Either
  -- takes hours for a million photos.
  perform set_config('enable_nestloop', 'off', true);
  execute 'select array(
      select e.photo_id from embeddings e
       where e.model_id = $1
         and not exists (select from label_rows l where l.version = $2 and l.photo_id = e.photo_id) limit $3)'
    into photos using of_model, definition.version, at_once + 1;
  perform set_config('enable_nestloop', 'on', true);
  labelled := 0;
  queued := 0;
  if cardinality(photos) > at_once then
    range_blocks := ceil(at_once / floor(8160.0 / row_bytes));
    insert into label_ranges (version, first_block, end_block)
    select definition.version, first, first + range_blocks
      from (select max(pg_relation_size(relid)) / current_setting('block_size')::bigint as blocks
              from pg_partition_tree(format('embeddings_m%s', of_model)::regclass) where isleaf) as size
     cross join generate_series(0, blocks, range_blocks) as first
    on conflict do nothing;
    get diagnostics queued = row_count;
    return;
  end if;
  if cardinality(photos) > 0 then
    perform label_batch(of_model, of_set, photos);
    labelled := cardinality(photos);
  end if;
  update label_changes c set complete = true where c.version = definition.version;
end $_$;

COMMENT ON FUNCTION public.label_rest(of_model integer, of_set text, OUT labelled bigint, OUT queued bigint) IS 'Labels the photos that have no label yet. If they are more than a few thousand, sets them aside in ranges for label_page: queued says how many, and label_rest must be called again afterwards.';

CREATE FUNCTION public.label_sample(set_name text, size integer, seed bigint DEFAULT 1, model text DEFAULT NULL::text) RETURNS TABLE(label text, photo_id text, score real)
    LANGUAGE sql STABLE
    AS $$
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

COMMENT ON FUNCTION public.label_sample(set_name text, size integer, seed bigint, model text) IS 'Random photos of each label; the same for the same seed.';

CREATE FUNCTION public.label_statement(definition public.label_definitions, condition text, conflict text) RETURNS text
    LANGUAGE plpgsql STABLE
    AS $_$
declare
  of_model integer := definition.model_id;
  label_count integer := cardinality(definition.labels);
  is_trained boolean := definition.scales is not null;
  scoring text := (select case when is_trained then 'softmax' else m.scoring end from models m where m.id = of_model);
  numbers integer[] := array(select generate_series(1, label_count));
  -- Numbers of a trained set stand in the text, so that statements of both kinds take the same parameters.
  logits text := array_to_string(array(
    select case when is_trained
             then format('%s::float8 * (1 - (v <=> $4[%s])) + %s::float8', quote_literal(definition.scales[i]), i, quote_literal(definition.biases[i]))
             else format('$5 * (1 - (v <=> $4[%s])) + $6', i) end
      from unnest(numbers) as i), ', ');
  all_logits text := array_to_string(array(select format('l[%s]', i) from unnest(numbers) as i), ', ');
  weights text := array_to_string(array(
    select format(case scoring
      -- Postgres raises an error where exp() or a cast to real underflows; e^-80 is nothing beside 1 and still fits a real.
      when 'softmax' then 'exp(greatest(l[%s] - top, -80))'
      else '1 / (1 + exp(-greatest(least(l[%s], 80), -80)))' end, i) from unnest(numbers) as i), ', ');
  -- A sum nests as deep as it has terms; from 700 terms on the stack of the embedded server overflows.
  total text := case
    when scoring <> 'softmax' then '1'
    when label_count <= 100 then array_to_string(array(select format('w[%s]', i) from unnest(numbers) as i), ' + ')
    else '(select sum(weight) from unnest(w) as weight)' end;
  scores text := array_to_string(array(select format('(w[%s] / total)::real', i) from unnest(numbers) as i), ', ');
begin
  -- An expression a label, without aggregates: a third of the time. "offset 0" keeps the steps apart, so that what is used
  -- several times is computed once. The label goes by logit: scores that are next to 1 are equal long before their logits are.
  return format(
    'insert into label_rows as r (version, model_id, set_name, photo_id, label, score, scores)
     select $1, %s, $2, photo_id, ($3)[place], scores[place], scores from (
       select photo_id, array_position(l, top) as place, array[%s] as scores from (
         select photo_id, l, top, w, %s as total from (
           select photo_id, l, top, array[%s] as w from (
             select photo_id, l, greatest(%s) as top from (
               select photo_id, array[%s] as l from (
                 select e.photo_id, e.embedding::vector as v from embeddings e where e.model_id = %s and %s
                 offset 0) as vectors
               offset 0) as logits
             offset 0) as tops
           offset 0) as weights
         offset 0) as totals
       offset 0) as labelled
     order by photo_id
     on conflict (version, photo_id) %s',
    of_model, scores, total, weights, all_logits, logits, of_model, condition, conflict);
end $_$;

COMMENT ON FUNCTION public.label_statement(definition public.label_definitions, condition text, conflict text) IS 'Part of label_batch and label_page: a statement that labels the photos of a condition under a definition. It takes version, set, labels, prompts, logit scale and bias as $1 to $6, the values of the condition as $7 and $8.';

CREATE FUNCTION public.label_switch(of_model integer, of_set text) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare
  coming label_changes;
begin
  perform label_lock(of_model, true);
  delete from label_changes c where c.model_id = of_model and c.set_name = of_set and c.complete returning * into coming;
  if not found then
    return false;
  end if;
  update label_sets s
     set template = coming.template, labels = coming.labels, version = coming.version, created_at = now(),
         scales = coming.scales, biases = coming.biases, training = coming.training
   where s.model_id = of_model and s.name = of_set;
  perform set_label_prompts(of_model, of_set, coming.prompts);
  return true;
end $$;

COMMENT ON FUNCTION public.label_switch(of_model integer, of_set text) IS 'Makes the coming definition of a set current, together with its labels. False when there is none, or when photos may lack a label.';

CREATE FUNCTION public.label_trained_sets(of_model integer, photo_ids text[], but_not text[] DEFAULT '{}'::text[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
  of_set text;
begin
  -- Before the sets are looked up: none of them may be removed meanwhile.
  perform label_lock(of_model, false);
  for of_set in
    select s.name from label_sets s
     where s.model_id = of_model and s.training is not null and s.name <> all (but_not) order by s.name
  loop
    perform label_batch(of_model, of_set, photo_ids);
  end loop;
end $$;

COMMENT ON FUNCTION public.label_trained_sets(of_model integer, photo_ids text[], but_not text[]) IS 'Labels photos with all trained label sets of a model, but for those named. What writes embeddings calls it: no run names these sets.';

CREATE FUNCTION public.list_condition(entry jsonb, n integer, list text) RETURNS text
    LANGUAGE plpgsql STABLE
    AS $_$
begin
  if jsonb_typeof(entry -> list) <> 'array'
     or exists (select from jsonb_array_elements(entry -> list) as id where jsonb_typeof(id) <> 'string') then
    raise exception '% expects an array of photo ids, found %', list, left((entry -> list)::text, 200) using errcode = 'UC001';
  end if;
  return format(' and e.photo_id %s (text_array($4 -> %s -> %L))', case list when 'photos' then '= any' else '<> all' end, n, list);
end $_$;

COMMENT ON FUNCTION public.list_condition(entry jsonb, n integer, list text) IS 'Part of search_conditions: a list of photos, or all photos except these.';

CREATE UNLOGGED TABLE public.host_limits (
    host text NOT NULL,
    opened_us bigint NOT NULL,
    next_us bigint NOT NULL,
    paused_until_us bigint NOT NULL
)
WITH (fillfactor='50');

COMMENT ON TABLE public.host_limits IS 'The next free moment of each image host, in microseconds of this server''s clock since 1970. Not worth keeping: a crash empties it.';

COMMENT ON COLUMN public.host_limits.host IS 'Name of the host.';

COMMENT ON COLUMN public.host_limits.opened_us IS 'When the host was first seen. Slots that were reserved under another value are void.';

COMMENT ON COLUMN public.host_limits.next_us IS 'The next free slot.';

COMMENT ON COLUMN public.host_limits.paused_until_us IS 'No worker asks the host before.';

CREATE FUNCTION public.locked_host_limit(of_host text) RETURNS public.host_limits
    LANGUAGE plpgsql
    AS $$
declare
  known host_limits;
begin
  loop
    select * into known from host_limits where host = of_host for update;
    if found then
      return known;
    end if;
    insert into host_limits values (of_host, host_limits_clock(), 0, 0) on conflict (host) do nothing;
  end loop;
end $$;

COMMENT ON FUNCTION public.locked_host_limit(of_host text) IS 'The row of a host, created if it does not exist, and locked until the end of the transaction.';

CREATE FUNCTION public.matching_photos(filters jsonb) RETURNS SETOF text
    LANGUAGE plpgsql STABLE
    AS $_$
begin
  -- The conditions read the filters from $4.
  return query execute format(
    'select p.photo_id from photos p cross join lateral (select p.photo_id) as e where true %s order by p.photo_id',
    (select made.conditions from search_conditions(null, '[]', filters) as made))
    using null::text, null::text, null::jsonb, filters;
end $_$;

COMMENT ON FUNCTION public.matching_photos(filters jsonb) IS 'Ids of all photos that meet every filter, embedded or not. filters: as in search_photos, such as [{"column": "exif_iso", "operator": ">", "value": "800"}].';

CREATE FUNCTION public.measure_image_region() RETURNS trigger
    LANGUAGE plpgsql
    AS $_$
declare
  name constant text := 'embeddings_m' || new.model_id;
  wanted constant integer := 2000;
  photos constant double precision := (
    select sum(c.reltuples) from pg_partition_tree(to_regclass(name)) t join pg_class c on c.oid = t.relid
     where t.isleaf and c.reltuples > 0);
  region image_regions;
begin
  if to_regclass(name) is null then
    return null;
  end if;
  -- Pages at random: ordering a million photos by chance takes longer than reading the sample.
  execute format(
    'with sample as materialized (
       select embedding::vector as photo from %I tablesample system (%s) repeatable (1) limit %s
     ), mean as (
       select l2_normalize(avg(photo)) as centre, count(*) as photos from sample
     )
     select $1, mean.centre, scores.lowest, scores.highest, mean.photos, now()
       from mean
      cross join lateral (
        select percentile_cont(0.05) within group (order by 1 - (photo <=> mean.centre)) as lowest,
               percentile_cont(0.95) within group (order by 1 - (photo <=> mean.centre)) as highest from sample) as scores
      where vector_norm(mean.centre) > 0',
    name, case when photos > wanted then 100 * wanted / photos else 100 end, wanted) into region using new.model_id;
  delete from image_regions r where r.model_id = new.model_id;
  if region.model_id is not null then
    insert into image_regions select region.*;
  end if;
  return null;
end $_$;

COMMENT ON FUNCTION public.measure_image_region() IS 'Trigger: measures where the photos of a model lie, for query_kind, whenever a setting of its searches is written.';

CREATE FUNCTION public.measure_references(of_version integer) RETURNS void
    LANGUAGE sql
    AS $$
  -- Ids of photos are random, so the first ones by id are a random sample of 1,000.
  with sample as materialized (
    select r.photo_id, r.top_mean, l2_normalize(e.embedding::vector) as photo,
           nullif(ts_filter(w.words, '{a,b}'), '') as words
      from reference_sets s join reference_scores r on r.version = s.version
      join embeddings e on e.model_id = s.model_id and e.photo_id = r.photo_id
      left join photo_texts w on w.photo_id = r.photo_id
     where s.version = of_version order by r.photo_id limit 1000
  ), texts as materialized (
    select t.position, l2_normalize(t.embedding) as text,
           case when numnode(query) > 0 then query end as query
      from reference_texts t cross join lateral plainto_tsquery(text_configuration(), t.text) as query
     where t.version = of_version
  ), pairs as materialized (
    -- names: null where the photo has no description.
    select texts.position, sample.photo_id, -(sample.photo <#> texts.text) - sample.top_mean as margin, sample.words @@ texts.query as names
      from sample cross join texts
  ), scale as materialized (
    select avg(margin) as middle, stddev_pop(margin) as deviation from pairs
  ), judged as materialized (
    select position, count(*) filter (where names) as wanted
      from pairs group by position having count(*) filter (where names) >= 2
  ), reached as materialized (
    -- Cuts are tried in steps of a tenth of the deviation.
    select p.position, floor(10 * (p.margin - middle) / nullif(deviation, 0)) as step, count(*) as photos,
           count(*) filter (where p.names) as named
      from pairs p join judged on judged.position = p.position cross join scale
     where p.names is not null group by 1, 2
  ), found as (
    select j.position, cut.step, j.wanted, coalesce(sum(r.photos), 0)::double precision as photos,
           coalesce(sum(r.named), 0)::double precision as named
      from judged j cross join generate_series(-30, 60) as cut (step)
      left join reached r on r.position = j.position and r.step >= cut.step
     group by j.position, cut.step, j.wanted
  ), tried as materialized (
    select step, count(*) as texts, avg(2 * named / (photos + wanted)) as f1, avg(named / greatest(photos, 1)) as of_found,
           avg(named / wanted) as of_wanted
      from found group by step having count(*) >= 10
  ), best as (
    -- Descriptions leave most things out. So they move the cut only where it is far off.
    select t.* from tried t cross join (select max(f1) as f1 from tried) as most
     order by t.step = 30 and t.f1 >= most.f1 / 2 desc, t.f1 desc, t.step desc limit 1
  ), cut as materialized (
    select middle + coalesce(best.step, 30) / 10.0 * deviation as least, coalesce(best.step, 30) as step, best.f1, best.of_found, best.of_wanted
      from scale left join best on true
  ), shown as materialized (
    select p.position, p.photo_id from pairs p cross join cut where p.margin >= cut.least
  ), verdict as materialized (
    -- A cut separates if some photos show something, which few photos need not, and if it agrees with descriptions clearly better
    -- than to find all photos.
    select cut.*, ((select count(*) from sample) < 50 or (select count(distinct photo_id) from shown) >= 0.02 * (select count(*) from sample))
                  and coalesce((select cut.f1 - t.f1 >= 0.1 * (1 - t.f1) from tried t where t.step = -30), true) as separates
      from cut
  ), measured as (
    update reference_sets s
       set cut = case when v.separates then v.least end,
           cut_by = case when not v.separates then 'none' when v.step = 30 then 'deviations' else 'descriptions' end,
           judged = (select count(*) from judged),
           cut_precision = case when v.separates then v.of_found end,
           cut_recall = case when v.separates then v.of_wanted end
      from verdict v where s.version = of_version and v.least is not null
  )
  update reference_texts t
     set share = case when v.separates
                      then ((select count(*) from shown where shown.position = t.position) + 0.5) / ((select count(*) from sample) + 1) end
    from verdict v where t.version = of_version and t.known and v.least is not null
$$;

COMMENT ON FUNCTION public.measure_references(of_version integer) IS 'Part of reference_switch: measures on a sample of the photos where the photos that show a text end (reference_sets.cut), how well this agrees with descriptions, and how many photos show each reference text (reference_texts.share).';

CREATE FUNCTION public.model_id_of(model text) RETURNS integer
    LANGUAGE plpgsql STABLE
    AS $$
declare
  result integer;
begin
  if model is null then
    result := searched_model_id();
    if result is null then
      raise exception 'No photos were ingested yet, so there is no newest model. Run: unsplash-clip ingest' using errcode = 'UC003';
    end if;
    return result;
  end if;
  select id into result from models
   where id::text = model or (name = split_part(model, '@', 1) and split_part(model, '@', 2) in ('', precision))
   order by id desc limit 1;
  if result is null then
    raise exception 'No photo was embedded with model %; known: %', model,
      coalesce((select string_agg(distinct name || '@' || precision, ', ') from models), 'none') using errcode = 'UC003';
  end if;
  return result;
end $$;

COMMENT ON FUNCTION public.model_id_of(model text) IS 'Id of the newest model of that name (name, name@precision or the id itself). Without a name: the model chosen for searches, or else the model of the newest run.';

CREATE FUNCTION public.near_condition(entry jsonb, n integer) RETURNS text
    LANGUAGE plpgsql STABLE
    AS $_$
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
end $_$;

COMMENT ON FUNCTION public.near_condition(entry jsonb, n integer) IS 'Part of search_conditions: distance from a place. A box first, which an index can answer, then the circle inside it.';

CREATE FUNCTION public.near_duplicates(threshold double precision DEFAULT 0.95, model text DEFAULT NULL::text, labels jsonb DEFAULT '[]'::jsonb, filters jsonb DEFAULT '[]'::jsonb, method text DEFAULT NULL::text, neighbours integer DEFAULT 20, after_photo text DEFAULT NULL::text, up_to_photo text DEFAULT NULL::text) RETURNS TABLE(photo_id text, other_id text, score double precision)
    LANGUAGE plpgsql STABLE
    AS $_$
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
end $_$;

COMMENT ON FUNCTION public.near_duplicates(threshold double precision, model text, labels jsonb, filters jsonb, method text, neighbours integer, after_photo text, up_to_photo text) IS 'Pairs of photos whose embeddings have at least the given cosine similarity, photo_id before other_id, both fulfilling labels and filters. method exact compares all pairs: n²/2 comparisons. method index asks the index for image queries for the neighbours of each photo: scores are exact, but pairs may be missing that the index found from neither side or that lie beyond neighbours (250 at most). null: see duplicate_method. after_photo, up_to_photo: only pairs found from photos in this range of ids, to process a large collection step by step.';

CREATE FUNCTION public.normal_prompt(prompt text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    AS $$
declare
  result text := trim(regexp_replace(prompt, '\s+', ' ', 'g'));
begin
  if coalesce(result, '') = '' then
    raise exception 'a prompt of at least one word expected, found %', coalesce('"' || prompt || '"', 'null')
      using errcode = 'UC005';
  end if;
  -- A key of an index holds 2704 bytes, and models read some 300 characters.
  if octet_length(result) > 2000 then
    raise exception 'a prompt of at most 2000 bytes expected, found % beginning "%"', octet_length(result), left(result, 40)
      using errcode = 'UC005';
  end if;
  return result;
end $$;

COMMENT ON FUNCTION public.normal_prompt(prompt text) IS 'The form in which a prompt is stored: single spaces, none at the ends. Upper and lower case differ.';

CREATE FUNCTION public.pause_host(of_host text, pause_us double precision) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
  known host_limits := locked_host_limit(of_host);
  until_us bigint := greatest(known.paused_until_us, host_limits_clock() + round(pause_us)::bigint);
begin
  update host_limits set paused_until_us = until_us, next_us = greatest(known.next_us, until_us) where host = of_host;
end $$;

COMMENT ON FUNCTION public.pause_host(of_host text, pause_us double precision) IS 'Lets no worker ask this host for the given time. Never shortens another pause.';

CREATE FUNCTION public.photo_words(configuration regconfig) RETURNS TABLE(photo_id text, words tsvector)
    LANGUAGE sql STABLE
    AS $$
  select t.photo_id,
         setweight(to_tsvector(configuration, left(concat_ws(' . ', p.photo_title, p.photo_description), 20000)), 'A')
         || setweight(to_tsvector(configuration, left(concat_ws(' . ', p.ai_description, k.by_people), 20000)), 'B')
         || setweight(to_tsvector(configuration, left(concat_ws(' . ', p.ai_primary_landmark_name, p.photo_location_name,
              p.photo_location_city, p.photo_location_country), 20000)), 'C')
         || setweight(to_tsvector(configuration, left(coalesce(k.by_machines, ''), 20000)), 'D')
    from photo_texts t
    left join photos p on p.photo_id = t.photo_id
    left join lateral (
      select string_agg(keyword, ' . ' order by keyword collate "C") filter (where suggested_by_user) as by_people,
             string_agg(keyword, ' . ' order by keyword collate "C") filter (where suggested_by_user is not true) as by_machines
        from photo_keywords where photo_keywords.photo_id = t.photo_id) as k on true
$$;

COMMENT ON FUNCTION public.photo_words(configuration regconfig) IS 'The words of every photo of photo_texts, computed from photos and photo_keywords.';

CREATE FUNCTION public.photos_changed_words() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
  changed text[];
begin
  -- remove_photos deletes the words too.
  if tg_op = 'DELETE' and current_setting('unsplash_clip.removing_photos', true) = 'on' then
    return null;
  end if;
  if tg_op = 'INSERT' then
    changed := array(select photo_id from new_rows);
  elsif tg_op = 'DELETE' then
    changed := array(select photo_id from old_rows);
  else
    changed := array(
      select coalesce(n.photo_id, o.photo_id) from new_rows n full join old_rows o on o.photo_id = n.photo_id
       where (n.photo_id, n.photo_title, n.photo_description, n.ai_description, n.ai_primary_landmark_name, n.photo_location_name,
              n.photo_location_city, n.photo_location_country)
             is distinct from
             (o.photo_id, o.photo_title, o.photo_description, o.ai_description, o.ai_primary_landmark_name, o.photo_location_name,
              o.photo_location_city, o.photo_location_country));
  end if;
  perform write_photo_texts(changed);
  return null;
end $$;

COMMENT ON FUNCTION public.photos_changed_words() IS 'Trigger: updates photo_texts after a change of photos.';

CREATE FUNCTION public.projection(name text, model text DEFAULT NULL::text) RETURNS TABLE(photo_id text, x real, y real)
    LANGUAGE sql STABLE
    AS $$
  select p.photo_id, p.x, p.y
    from projections r join projection_points p on p.projection_id = r.id
   where r.model_id = model_id_of(projection.model) and r.name = projection.name
   order by p.photo_id
$$;

COMMENT ON FUNCTION public.projection(name text, model text) IS 'The photos of a projection onto a plane and their places, by id; none for an unknown name.';

CREATE FUNCTION public.projection_colors(of_projection integer, of_model integer, facet text, most integer) RETURNS TABLE(value text, photos bigint, places integer[])
    LANGUAGE plpgsql STABLE
    AS $_$
declare
  is_set constant boolean := facet_expression(facet) is null
    and exists (select from label_sets s where s.model_id = of_model and s.name = facet);
begin
  if facet_expression(facet) is null and not is_set then
    raise exception 'points are coloured by a label set or by metadata that a photo has one of, found %; label sets: %', coalesce(facet, 'null'),
      coalesce((select string_agg(s.name, ', ' order by s.name) from label_sets s where s.model_id = of_model), 'none') using errcode = 'UC005';
  end if;
  return query execute format($sql$
    with numbered as materialized (
      select r.photo_id, (row_number() over (order by r.photo_id))::integer - 1 as place
        from projection_points r where r.projection_id = $1
    ), common as (
      select %s as depth
    ), valued as (
      select n.place, %s as value
        from numbered n %s cross join common
    ), counted as (
      select v.value, count(*) as photos, array_agg(v.place) as places from valued v where v.value is not null group by v.value
       order by count(*) desc, v.value collate "C" limit $4
    )
    select c.value, c.photos, c.places from counted c
     order by %s, c.photos desc, c.value collate "C"$sql$,
    case when facet = 'folder' then '(
      select common_length(min(image_folder(p.photo_image_url)), max(image_folder(p.photo_image_url)))
        from numbered n join photos p on p.photo_id = n.photo_id)' else 'null::integer' end,
    case when is_set then 'l.label' else facet_expression(facet) end,
    case when is_set then 'left join label_rows l on l.version = (select s.version from label_sets s where s.model_id = $2 and s.name = $3)
                             and l.photo_id = n.photo_id'
         else 'join photos p on p.photo_id = n.photo_id'
           || case when facet = 'folder' then ' cross join lateral (select image_folder(p.photo_image_url) as folder) as b' else '' end end,
    case when is_set then 'array_position((select s.labels from label_sets s where s.model_id = $2 and s.name = $3), c.value)'
         else 'facet_place($3, c.value)' end)
    using of_projection, of_model, facet, most;
end $_$;

COMMENT ON FUNCTION public.projection_colors(of_projection integer, of_model integer, facet text, most integer) IS 'What to colour the points of a projection by: the most frequent values of a label set or of metadata as in search_facets, in the order of facets, with the positions of their photos among all of the projection by id, from 0.';

CREATE FUNCTION public.prompt_command(of_model integer, prompt text) RETURNS text
    LANGUAGE sql STABLE
    AS $$
  select format('unsplash-clip prompts add %s --model %s@%s',
                -- What a shell would take for more than a text stands in single quotes.
                case when prompt ~ '[^\w ,.;:()-]' then '''' || replace(prompt, '''', '''\''''') || '''' else '"' || prompt || '"' end,
                m.name, m.precision)
    from models m where m.id = of_model
$$;

COMMENT ON FUNCTION public.prompt_command(of_model integer, prompt text) IS 'The command that embeds a prompt with a model, for messages.';

CREATE FUNCTION public.prompt_embedding(prompt text, model text DEFAULT NULL::text) RETURNS public.vector
    LANGUAGE plpgsql STABLE
    AS $$
declare
  of_model integer := model_id_of(model);
  wanted text := normal_prompt(prompt);
  result vector := stored_prompt(of_model, wanted);
begin
  if result is null then
    raise exception '"%" is not embedded yet. Run: % (or, with a worker running: call embed_prompt(%))', wanted,
      prompt_command(of_model, wanted), quote_literal(wanted) using errcode = 'UC006';
  end if;
  return result;
end $$;

COMMENT ON FUNCTION public.prompt_embedding(prompt text, model text) IS 'The embedding of a prompt that was embedded before, by itself or as the prompt of a label; SQLSTATE UC006 says how to embed it.';

CREATE FUNCTION public.query_kind(of_model integer, query public.vector) RETURNS text
    LANGUAGE sql STABLE
    AS $$
  select case when exists (
           select from image_regions r
            where r.model_id = query_kind.of_model and 1 - (query_kind.query <=> r.centre) between r.lowest and r.highest)
         then 'image' else 'text' end
$$;

COMMENT ON FUNCTION public.query_kind(of_model integer, query public.vector) IS 'What a query vector of undeclared kind is searched as. image: it is as similar to the mean photo as nine of ten photos are (see image_regions). text: everything else, because indexes are tuned to read more for texts, so recall is kept: texts lie far from the mean photo, means of unlike photos nearer to it than photos do, combinations anywhere.';

CREATE FUNCTION public.record_outcome(batch_id text, of_model integer, embedded_ids text[], vectors text[], stored_keys text[], failed_ids text[], codes text[], messages text[], attempt_counts integer[], set_names text[], metadata jsonb DEFAULT NULL::jsonb, possible_copies jsonb DEFAULT '{}'::jsonb, unchanged_ids text[] DEFAULT '{}'::text[], versions jsonb DEFAULT NULL::jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
  of_set text;
  refreshing boolean;
  embedded_before text[];
begin
  -- One after the other for the same batch, and for the same photo: else one worker could record a failure while another,
  -- unseen, records the embedding. Always in the order of the ids, so that two batches cannot deadlock.
  perform from batches where id = batch_id for update;
  perform from photos where photo_id = any (embedded_ids || unchanged_ids || failed_ids)
   order by photo_id for no key update;
  refreshing := coalesce((select b.kind = 'refresh' from batches b where b.id = batch_id), false);
  embedded_before := array(select e.photo_id from embeddings e where e.model_id = of_model and e.photo_id = any (embedded_ids));

  -- Nothing is written of a photo that was removed meanwhile, and its copy is to be deleted.
  insert into removed_copies (key, photo_id)
  select new.key, new.photo_id from unnest(embedded_ids, stored_keys) as new (photo_id, key)
   where new.key is not null and not exists (select from photos p where p.photo_id = new.photo_id)
  on conflict (key) do nothing;
  -- Nor does the copy stay that a worker had stored which was killed before it could tell.
  insert into removed_copies (key, photo_id, is_certain)
  select c.value, c.key, false from jsonb_each_text(possible_copies) as c
   where not exists (select from photos p where p.photo_id = c.key)
  on conflict (key) do nothing;

  insert into copy_folders (folder)
  select distinct split_part(key, '/', 1) from unnest(stored_keys) as new (key)
   where key is not null and not exists (select from copy_folders f where f.folder = split_part(key, '/', 1))
  on conflict (folder) do nothing;

  -- As drop_stale_labels does, but before rows are locked: two workers that replace embeddings cannot deadlock.
  if cardinality(embedded_before) > 0 then
    perform label_lock(of_model, true);
  end if;

  -- A trigger deletes the labels of an embedding that is replaced.
  insert into embeddings as e (model_id, photo_id, embedding, stored_key)
  select of_model, photo_id, vector_text::halfvec, key
    from unnest(embedded_ids, vectors, stored_keys) as new (photo_id, vector_text, key)
   where exists (select from photos p where p.photo_id = new.photo_id)
   order by photo_id collate "C"
  on conflict (model_id, photo_id) do update
     set embedding = excluded.embedding, stored_key = coalesce(excluded.stored_key, e.stored_key)
   where e.embedding is distinct from excluded.embedding
      or (excluded.stored_key is not null and e.stored_key is distinct from excluded.stored_key);
  delete from failures where model_id = of_model and photo_id = any (embedded_ids);

  insert into failures as f (model_id, photo_id, code, message, attempts)
  select of_model, photo_id, code, message, attempts
    from unnest(failed_ids, codes, messages, attempt_counts) as new (photo_id, code, message, attempts)
   where not exists (select from embeddings e where e.model_id = of_model and e.photo_id = new.photo_id)
     and exists (select from photos p where p.photo_id = new.photo_id)
   order by photo_id collate "C"
  on conflict (model_id, photo_id) do update
     set code = excluded.code, message = excluded.message, attempts = excluded.attempts, failed_at = now()
   where (f.code, f.message, f.attempts) is distinct from (excluded.code, excluded.message, excluded.attempts);

  perform record_versions(of_model, refreshing, embedded_before, embedded_ids, unchanged_ids, failed_ids, codes, messages,
                          coalesce(versions, '[]'));
  if metadata is not null then
    perform fill_photo_metadata(metadata);
  end if;
  foreach of_set in array set_names loop
    perform label_batch(of_model, of_set, embedded_ids);
  end loop;
  perform label_trained_sets(of_model, embedded_ids, set_names);
  perform count_batch(batch_id);
end $$;

COMMENT ON FUNCTION public.record_outcome(batch_id text, of_model integer, embedded_ids text[], vectors text[], stored_keys text[], failed_ids text[], codes text[], messages text[], attempt_counts integer[], set_names text[], metadata jsonb, possible_copies jsonb, unchanged_ids text[], versions jsonb) IS 'Writes the outcome of a batch: embeddings, failures, versions of images (see record_versions), what the files say (see fill_photo_metadata), labels, counts. unchanged_ids: photos of a refreshing batch whose image is the embedded one. Writing the same outcome twice changes nothing. Photos that were removed meanwhile are left out. possible_copies: {photo id: key} of the other photos of the batch, whose copies may lie there; those of removed photos are listed in removed_copies.';

CREATE FUNCTION public.record_places(of_host text, of_run text, paths text[], photo_ids text[], digests bytea[], sizes bigint[], mtimes bigint[], inodes bigint[], rechecks boolean[]) RETURNS SETOF text
    LANGUAGE plpgsql
    AS $$
declare
  left_behind text[];
begin
  select array_agg(distinct p.photo_id) into left_behind
    from unnest(paths, photo_ids) as new (path, photo_id)
    join photo_places p on p.host = of_host and p.path = new.path
   where p.photo_id <> new.photo_id;
  insert into photo_places (host, path, photo_id, digest, size, mtime_ns, inode, recheck, run_id)
  select of_host, new.*, of_run
    from unnest(paths, photo_ids, digests, sizes, mtimes, inodes, rechecks)
      as new (path, photo_id, digest, size, mtime_ns, inode, recheck)
   order by new.path collate "C"
  on conflict (host, path) do update
     set photo_id = excluded.photo_id, digest = excluded.digest, size = excluded.size, mtime_ns = excluded.mtime_ns,
         inode = excluded.inode, recheck = excluded.recheck, run_id = excluded.run_id, recorded_at = now();
  return query select unnest(left_behind);
end $$;

COMMENT ON FUNCTION public.record_places(of_host text, of_run text, paths text[], photo_ids text[], digests bytea[], sizes bigint[], mtimes bigint[], inodes bigint[], rechecks boolean[]) IS 'Records where photos of folders lie. Returns the photos that lay at one of these paths before and do no longer.';

CREATE FUNCTION public.record_versions(of_model integer, refreshing boolean, embedded_before text[], embedded_ids text[], unchanged_ids text[], failed_ids text[], codes text[], messages text[], versions jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  -- The embedding is of another version now, or of a copy, and nothing is known of that.
  if not refreshing then
    delete from photo_versions v where v.model_id = of_model and v.photo_id = any (embedded_ids);
  end if;
  insert into photo_versions as v
    (photo_id, model_id, url_hash, etag, last_modified, length, digest, checked_at, outcome)
  select p.photo_id, of_model, decode(new.url_hash, 'base64'), new.etag, new.last_modified, new.length,
         decode(new.digest, 'base64'), case when refreshing then now() end,
         case when not refreshing then null
              when p.photo_id = any (unchanged_ids) then 'unchanged'
              when not p.photo_id = any (embedded_before) then 'new'
              when exists (select from photo_versions o
                            where o.photo_id = p.photo_id and o.model_id = of_model and o.digest is not null) then 'changed'
              else 'uncompared' end
    from photos p
    left join jsonb_to_recordset(versions)
      as new (photo_id text, url_hash text, etag text, last_modified text, length bigint, digest text)
      on new.photo_id = p.photo_id
   where p.photo_id = any (embedded_ids || unchanged_ids) and (refreshing or new.photo_id is not null)
   order by p.photo_id
  on conflict (photo_id, model_id) do update
     set url_hash = excluded.url_hash, etag = excluded.etag, last_modified = excluded.last_modified,
         length = excluded.length, digest = excluded.digest, checked_at = excluded.checked_at, outcome = excluded.outcome,
         failure_code = null, failure_message = null;
  if refreshing then
    insert into photo_versions as v (photo_id, model_id, checked_at, outcome, failure_code, failure_message)
    select new.photo_id, of_model, now(), 'failed', new.code, new.message
      from unnest(failed_ids, codes, messages) as new (photo_id, code, message)
     where exists (select from embeddings e where e.model_id = of_model and e.photo_id = new.photo_id)
     order by new.photo_id collate "C"
    on conflict (photo_id, model_id) do update
       set checked_at = excluded.checked_at, outcome = excluded.outcome, failure_code = excluded.failure_code,
           failure_message = excluded.failure_message;
  end if;
end $$;

COMMENT ON FUNCTION public.record_versions(of_model integer, refreshing boolean, embedded_before text[], embedded_ids text[], unchanged_ids text[], failed_ids text[], codes text[], messages text[], versions jsonb) IS 'Part of record_outcome: which versions of images were embedded, and in a refreshing batch what became of the embedded photos. versions: [{"photo_id", "url_hash", "etag", "last_modified", "length", "digest"}], hash and digest in base64.';

CREATE FUNCTION public.recount_open_batches(removed_ids text[]) RETURNS bigint
    LANGUAGE sql
    AS $$
  select count(*) from (
    select count_batch(id) from (
      select distinct b.id from batches b cross join unnest(b.photo_ids) as held (photo_id)
        join unnest(removed_ids) as removed (photo_id) on removed.photo_id = held.photo_id
       where b.settled_at is null
       order by b.id) as concerned
    offset 0) as counted
$$;

COMMENT ON FUNCTION public.recount_open_batches(removed_ids text[]) IS 'Counts the open batches again that hold photos which were removed, so that their runs end without them. In a transaction of its own, because workers lock a batch before its photos. Returns the number of batches.';

CREATE FUNCTION public.reference_batch(of_model integer, photo_ids text[]) RETURNS void
    LANGUAGE plpgsql
    AS $_$
declare
  of_set reference_sets;
begin
  -- Before the sets are looked up: none may be stored meanwhile that does not see these photos.
  perform label_lock(of_model, false);
  for of_set in select * from reference_sets s where s.model_id = of_model order by s.version loop
    execute reference_statement(of_set, 'e.photo_id = any ($1)',
                                'do update set top_mean = excluded.top_mean where s.top_mean <> excluded.top_mean')
      using photo_ids;
  end loop;
end $_$;

COMMENT ON FUNCTION public.reference_batch(of_model integer, photo_ids text[]) IS 'Compares these photos with the reference texts of their model, and stores the results. A trigger calls it for embeddings that are written.';

CREATE FUNCTION public.reference_page(of_model integer) RETURNS bigint
    LANGUAGE plpgsql
    AS $_$
declare
  of_set reference_sets;
  page reference_ranges;
  compared bigint;
begin
  perform label_lock(of_model, false);
  of_set := reference_set(of_model);
  loop
    delete from reference_ranges r where (r.version, r.first_block) = (
      select n.version, n.first_block from reference_ranges n where n.version = of_set.version
       order by n.first_block limit 1 for update skip locked)
    returning * into page;
    exit when found;
    -- Others have the last ones. They are waited for: who dies leaves its page to be done.
    perform from reference_ranges r where r.version = of_set.version limit 1 for update;
    if not found then
      return null;
    end if;
  end loop;
  -- In the order of the disk. What is there already was written with its embedding, meanwhile.
  execute reference_statement(of_set, 'e.ctid >= $1 and e.ctid < $2', 'do nothing')
    using format('(%s,0)', page.first_block)::tid, format('(%s,0)', page.end_block)::tid;
  get diagnostics compared = row_count;
  return compared;
end $_$;

COMMENT ON FUNCTION public.reference_page(of_model integer) IS 'Compares a few thousand photos that reference_rest has set aside with the reference texts. Any number of sessions may call it at the same time. Null: nothing is set aside.';

CREATE FUNCTION public.reference_rest(of_model integer, OUT compared bigint, OUT queued bigint) RETURNS record
    LANGUAGE plpgsql
    AS $_$
declare
  at_once constant integer := 2000;
  of_set reference_sets;
  photos text[];
  row_bytes integer := (select case when 2 * dimension < 1900 then 2 * dimension + 90 else 110 end from models where id = of_model);
  range_blocks bigint;
begin
  -- One looks, the others wait, and find what it left.
  perform pg_advisory_xact_lock(1668047987, of_model);
  perform label_lock(of_model, false);
  of_set := reference_set(of_model);
  -- A look into the index for each photo, whatever the statistics say: those of a set that was just written know none of its
  -- rows, and a join by them could take hours for a million photos.
  execute 'select array(
      select photo_id from (
        select e.photo_id, (select true from reference_scores s where s.version = $2 and s.photo_id = e.photo_id) as is_compared
          from embeddings e where e.model_id = $1
        offset 0) as photos
       where is_compared is null limit $3)'
    into photos using of_model, of_set.version, at_once + 1;
  compared := 0;
  queued := 0;
  if cardinality(photos) > at_once then
    range_blocks := ceil(at_once / floor(8160.0 / row_bytes));
    insert into reference_ranges (version, first_block, end_block)
    select of_set.version, first, first + range_blocks
      from (select max(pg_relation_size(relid)) / current_setting('block_size')::bigint as blocks
              from pg_partition_tree(format('embeddings_m%s', of_model)::regclass) where isleaf) as size
     cross join generate_series(0, blocks, range_blocks) as first
    on conflict do nothing;
    get diagnostics queued = row_count;
    return;
  end if;
  if cardinality(photos) > 0 then
    perform reference_batch(of_model, photos);
    compared := cardinality(photos);
  end if;
  update reference_sets s set complete = true where s.version = of_set.version and not s.complete;
end $_$;

COMMENT ON FUNCTION public.reference_rest(of_model integer, OUT compared bigint, OUT queued bigint) IS 'Compares the photos that are not compared with the reference texts yet. If they are more than a few thousand, sets them aside in ranges for reference_page: queued says how many, and reference_rest must be called again afterwards.';

CREATE TABLE public.reference_sets (
    version integer NOT NULL,
    model_id integer NOT NULL,
    state text NOT NULL,
    k integer NOT NULL,
    weight double precision DEFAULT 0 NOT NULL,
    floor real,
    complete boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    cut real,
    cut_by text,
    judged integer,
    cut_precision real,
    cut_recall real,
    CONSTRAINT reference_sets_cut_by_check CHECK ((cut_by = ANY (ARRAY['deviations'::text, 'descriptions'::text, 'none'::text]))),
    CONSTRAINT reference_sets_k_check CHECK ((k > 0)),
    CONSTRAINT reference_sets_state_check CHECK ((state = ANY (ARRAY['current'::text, 'coming'::text]))),
    CONSTRAINT reference_sets_weight_check CHECK (((weight >= (0)::double precision) AND (weight <= (2)::double precision)))
);

COMMENT ON TABLE public.reference_sets IS 'Texts that all photos of a model are compared with, at most two sets per model: the one that searches use, and the one that will replace it when every photo has been compared.';

COMMENT ON COLUMN public.reference_sets.version IS 'Number of the set.';

COMMENT ON COLUMN public.reference_sets.model_id IS 'The model.';

COMMENT ON COLUMN public.reference_sets.state IS 'current: searches use it. coming: photos are compared with its texts now, unseen by searches.';

COMMENT ON COLUMN public.reference_sets.k IS 'Number of texts per photo, the most similar ones, whose mean similarity is stored.';

COMMENT ON COLUMN public.reference_sets.weight IS 'Share of the mean similarity that searches by words subtract from the score of a photo to order their hits, if they name no share themselves; 0: hits are ordered by score.';

COMMENT ON COLUMN public.reference_sets.floor IS 'Searches take a lower top_mean for this one, which bounds how far they have to look: 99 of 100 photos had a higher one when the set became current. Null: there were no photos.';

COMMENT ON COLUMN public.reference_sets.complete IS 'Every photo has been compared, so the set may become current.';

COMMENT ON COLUMN public.reference_sets.created_at IS 'When the set was stored.';

COMMENT ON COLUMN public.reference_sets.cut IS 'A photo shows what words say if its similarity to them is at least this much above its top_mean. Null: not measured yet, or cut_by is none.';

COMMENT ON COLUMN public.reference_sets.cut_by IS 'deviations: the cut is three standard deviations above the mean of that difference over the pairs of a photo and a reference text of a sample. descriptions: it is the one by which the photos found for reference texts agree most with the descriptions of photos. none: no cut tells photos that show words from others. Null: not measured by this version.';

COMMENT ON COLUMN public.reference_sets.judged IS 'Reference texts that descriptions of at least two photos of the sample name. Precision and recall are means over them.';

COMMENT ON COLUMN public.reference_sets.cut_precision IS 'Share of the photos found for a text whose descriptions name it. Descriptions leave things out, so the true one is higher. Null: there are too few such texts, or no cut.';

COMMENT ON COLUMN public.reference_sets.cut_recall IS 'Share of the photos whose descriptions name a text that are found for it. Null: there are too few such texts, or no cut.';

CREATE FUNCTION public.reference_set(of_model integer) RETURNS public.reference_sets
    LANGUAGE plpgsql STABLE
    AS $$
declare
  of_set reference_sets;
begin
  select * into of_set from reference_sets s where s.model_id = of_model order by s.state = 'coming' desc limit 1;
  if of_set.version is null then
    raise exception 'The model has no reference texts. Run: unsplash-clip models correct %',
      (select m.name || '@' || m.precision from models m where m.id = of_model) using errcode = 'UC003';
  end if;
  return of_set;
end $$;

COMMENT ON FUNCTION public.reference_set(of_model integer) IS 'The reference set to compare photos with: the coming one, if there is one.';

CREATE FUNCTION public.reference_statement(of_set public.reference_sets, condition text, conflict text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $_$
  -- The texts are read once; a value of that length lies apart from its row.
  select format(
    'with texts as materialized (
       select l2_normalize(t.embedding) as text from reference_texts t where t.version = %1$s
     )
     insert into reference_scores as s (version, photo_id, top_mean)
     select %1$s, photos.photo_id, near.top_mean
       from (select e.photo_id, l2_normalize(e.embedding::vector) as photo from embeddings e
              where e.model_id = %2$s and %4$s offset 0) as photos
      cross join lateral (
        select avg(score)::real as top_mean
          from (select -(photos.photo <#> texts.text) as score from texts order by score desc limit %3$s) as nearest) as near
      order by photos.photo_id
     on conflict (version, photo_id) %5$s',
    of_set.version, of_set.model_id, of_set.k, condition, conflict)
$_$;

COMMENT ON FUNCTION public.reference_statement(of_set public.reference_sets, condition text, conflict text) IS 'Part of reference_batch and reference_page: a statement that compares the photos of a condition with the texts of a reference set. It takes the values of the condition as $1 and $2.';

CREATE FUNCTION public.reference_switch(of_model integer) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare
  former reference_sets;
  switched boolean;
begin
  perform label_lock(of_model, true);
  switched := exists (select from reference_sets s where s.model_id = of_model and s.state = 'coming' and s.complete);
  if switched then
    delete from reference_sets s where s.model_id = of_model and s.state = 'current' returning * into former;
    update reference_sets s set state = 'current', weight = coalesce(former.weight, s.weight)
     where s.model_id = of_model and s.state = 'coming';
  end if;
  update reference_sets s
     set floor = (select percentile_disc(0.01) within group (order by c.top_mean) from reference_scores c where c.version = s.version)
   where s.model_id = of_model and s.state = 'current';
  perform measure_references(s.version) from reference_sets s where s.model_id = of_model and s.state = 'current';
  return switched;
end $$;

COMMENT ON FUNCTION public.reference_switch(of_model integer) IS 'Makes the coming reference set of a model current, with the weight of the former one. False when there is none, or when photos may not be compared with it yet. Measures the floor and the cut of the current set, and how well the cut agrees with descriptions.';

CREATE FUNCTION public.register_model(model_name text, model_precision text, model_revision text, model_dimension integer, model_logit_scale double precision, model_scoring text DEFAULT 'softmax'::text, model_logit_bias double precision DEFAULT 0) RETURNS integer
    LANGUAGE plpgsql
    AS $$
declare
  found_model models;
  partition_name text;
begin
  -- Two processes that start at once must not both create the partition. The key is any number of our own.
  perform pg_advisory_xact_lock(1668052336);
  select * into found_model from models
   where name = model_name and precision = model_precision and revision = model_revision;
  if found then
    if found_model.dimension <> model_dimension then
      raise exception '%@% (%) makes embeddings of % numbers, not %. Is it another model under the same name?',
        model_name, model_precision, model_revision, found_model.dimension, model_dimension using errcode = 'UC004';
    end if;
    -- Labels scored in two ways would stand side by side in one table.
    if (found_model.scoring, found_model.logit_scale, found_model.logit_bias)
       is distinct from (model_scoring, model_logit_scale, model_logit_bias) then
      raise exception '%@% (%) is known here with % scores (logit scale %, bias %), not % (%, %). Give the model another name, or its former values.',
        model_name, model_precision, model_revision, found_model.scoring, found_model.logit_scale, found_model.logit_bias,
        model_scoring, model_logit_scale, model_logit_bias using errcode = 'UC004';
    end if;
    return found_model.id;
  end if;
  insert into models (name, precision, revision, dimension, logit_scale, scoring, logit_bias)
  values (model_name, model_precision, model_revision, model_dimension, model_logit_scale, model_scoring, model_logit_bias)
  returning * into found_model;
  partition_name := 'embeddings_m' || found_model.id;
  execute format('create table %I partition of embeddings for values in (%s)', partition_name, found_model.id);
  execute format('alter table %I add constraint %I check (vector_dims(embedding) = %s)',
                 partition_name, partition_name || '_dimension', model_dimension);
  execute format('alter table %I add constraint %I check (l2_norm(embedding) between 0.999 and 1.001)',
                 partition_name, partition_name || '_unit_length');
  return found_model.id;
end $$;

COMMENT ON FUNCTION public.register_model(model_name text, model_precision text, model_revision text, model_dimension integer, model_logit_scale double precision, model_scoring text, model_logit_bias double precision) IS 'Id of a model. Creates its partition of embeddings the first time. Safe from several processes at once.';

CREATE PROCEDURE public.relabel(IN set_name text, IN model text DEFAULT NULL::text)
    LANGUAGE plpgsql
    AS $$
declare
  of_model integer := model_id_of(model);
  more boolean;
begin
  loop
    while label_page(of_model, set_name) is not null loop
      commit;
    end loop;
    select queued > 0 into more from label_rest(of_model, set_name);
    commit;
    exit when not more;
  end loop;
  perform label_switch(of_model, set_name);
  commit;
  perform sweep_labels();
end $$;

COMMENT ON PROCEDURE public.relabel(IN set_name text, IN model text) IS 'Labels all embedded photos with a label set, in many small transactions, then makes its coming definition current, if there is one. After an interruption, call it again to continue; several sessions that call it share the work.';

CREATE FUNCTION public.remember_template(photo_ids text[], template text) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
  the_template integer;
begin
  if remember_template.template is null then
    delete from photo_templates t where t.photo_id = any (photo_ids);
    return;
  end if;
  insert into url_templates (template) values (remember_template.template) on conflict do nothing;
  select u.id into the_template from url_templates u where u.template = remember_template.template;
  insert into photo_templates as t (photo_id, template_id)
  select p.photo_id, the_template from photos p where p.photo_id = any (photo_ids)
   order by p.photo_id
  on conflict (photo_id) do update set template_id = excluded.template_id
   where t.template_id <> excluded.template_id;
end $$;

COMMENT ON FUNCTION public.remember_template(photo_ids text[], template text) IS 'Notes by which URL template photos are fetched, for later runs that read them from the database. Null: by none.';

CREATE FUNCTION public.remove_label_set(set_name text, model text DEFAULT NULL::text) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
  of_model constant integer := model_id_of(model);
  of_set constant text := set_name;
  known text;
  removed bigint;
begin
  perform label_lock(of_model, true);
  if not exists (select from label_sets s where s.model_id = of_model and s.name = of_set) then
    select string_agg(s.name, ', ' order by s.name) into known from label_sets s where s.model_id = of_model;
    raise exception 'there is no label set % for this model; known: %', coalesce(of_set, 'null'), coalesce(known, 'none')
      using errcode = 'UC003';
  end if;
  -- By version, which the primary key begins with. Labels of earlier versions are swept.
  select count(*) into removed from label_rows l
   where l.version = (select s.version from label_sets s where s.model_id = of_model and s.name = of_set);
  delete from label_sets s where s.model_id = of_model and s.name = of_set;
  return removed;
end $$;

COMMENT ON FUNCTION public.remove_label_set(set_name text, model text) IS 'Removes a label set of a model with its prompts and labels. A run that wants the set stores it again. Returns the number of labels removed.';

CREATE FUNCTION public.remove_photos(photo_ids text[], only_without_place boolean DEFAULT false, possible_copies text[] DEFAULT '{}'::text[]) RETURNS text[]
    LANGUAGE plpgsql
    AS $$
declare
  gone text[];
  of_model integer;
begin
  -- A worker that writes their outcome comes before or after, never between.
  gone := array(
    select p.photo_id from photos p
     where p.photo_id = any (photo_ids)
       and not (only_without_place and exists (select from photo_places l where l.photo_id = p.photo_id))
     order by p.photo_id for update);
  if cardinality(gone) = 0 then
    return gone;
  end if;
  -- A place may have been recorded while this waited for the lock.
  if only_without_place then
    gone := array(select id from unnest(gone) as id
                   where not exists (select from photo_places l where l.photo_id = id) order by id);
  end if;
  -- The triggers of the rows below would do one by one what is done here for all.
  perform set_config('unsplash_clip.removing_photos', 'on', true);
  -- A worker that was killed after it stored a copy has recorded nothing of it. Nor does any embedding name the copy of a
  -- model that is retired, or one that was replaced by that of other settings.
  with removed as (
    delete from embeddings where photo_id = any (gone) returning photo_id, stored_key
  ), possible (key, photo_id, is_certain) as (
    select stored_key, photo_id, true from removed where stored_key is not null
    union all
    select f.folder || '/' || id || '.jpg', id, false from copy_folders f cross join unnest(gone) as id
    union all
    select given.key, given.photo_id, false from unnest(possible_copies, photo_ids) as given (key, photo_id)
      join unnest(gone) as id on id = given.photo_id
     where given.key is not null and not exists (select from copy_folders f where f.folder = split_part(given.key, '/', 1))
  )
  insert into removed_copies (key, photo_id, is_certain)
  select p.key, min(p.photo_id), bool_or(p.is_certain) from possible p group by p.key
  on conflict (key) do nothing;
  delete from failures where photo_id = any (gone);
  delete from label_marks where photo_id = any (gone);
  delete from photo_places where photo_id = any (gone);
  delete from photo_versions where photo_id = any (gone);
  delete from photo_templates where photo_id = any (gone);
  delete from photo_keywords where photo_id = any (gone);
  delete from photo_collections where photo_id = any (gone);
  delete from photo_colors where photo_id = any (gone);
  delete from photo_conversions where photo_id = any (gone);
  delete from photos where photo_id = any (gone);
  delete from photo_texts where photo_id = any (gone);
  -- As late as possible, since removals wait for one another here. A session that labels now no longer sees the embeddings, and
  -- the labels of one that saw them are there.
  for of_model in select id from models order by id loop
    perform label_lock(of_model, true);
  end loop;
  delete from label_rows l
   where l.photo_id = any (gone)
     and l.version = any (array(select version from label_sets union all select version from label_changes));
  delete from reference_scores s where s.photo_id = any (gone) and s.version = any (array(select version from reference_sets));
  perform set_config('unsplash_clip.removing_photos', '', true);
  return gone;
end $$;

COMMENT ON FUNCTION public.remove_photos(photo_ids text[], only_without_place boolean, possible_copies text[]) IS 'Removes photos with their embeddings, labels, failures, places and rows of the other tables, and lists their copies in removed_copies. only_without_place: keeps those that lie somewhere. possible_copies: for each photo the key under which a copy may lie although no embedding names it. Returns the removed ids. In one transaction: for many photos, call it for some thousand at a time. Then recount_open_batches.';

CREATE FUNCTION public.request_prompt(prompt text, model text DEFAULT NULL::text) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
#variable_conflict use_column
declare
  of_model integer := model_id_of(request_prompt.model);
  wanted text := normal_prompt(request_prompt.prompt);
  request bigint;
begin
  if stored_prompt(of_model, wanted) is not null then
    return null;
  end if;
  if (select count(*) from prompt_requests r where r.answered_at is null) >= 1000 then
    raise exception '1000 prompts wait for a worker already. Start one: unsplash-clip worker, or run: %',
      prompt_command(of_model, wanted) using errcode = 'UC006';
  end if;
  insert into prompt_requests as r (model_id, prompt) values (of_model, wanted)
  on conflict (model_id, prompt) where answered_at is null do update set requested_at = now()
  returning r.id into request;
  -- Answered since it was looked for, by who answered a request like it.
  if stored_prompt(of_model, wanted) is not null then
    delete from prompt_requests r where r.id = request;
    return null;
  end if;
  perform pg_notify('unsplash_clip_prompts', of_model::text);
  return request;
end $$;

COMMENT ON FUNCTION public.request_prompt(prompt text, model text) IS 'Asks a running worker to embed a prompt, without waiting. Returns the id of the request in prompt_requests; null for a prompt that is embedded already.';

CREATE FUNCTION public.reserve_host_slots(of_host text, slots integer, interval_us double precision, burst_us bigint, forget_us bigint, OUT opened_us bigint, OUT first_in_us bigint, OUT paused_us bigint) RETURNS record
    LANGUAGE plpgsql
    AS $$
declare
  -- The clock is read once the row is locked, or a wait for the lock would count as a lull.
  known host_limits := locked_host_limit(of_host);
  now_us bigint := host_limits_clock();
  first_us bigint := greatest(known.next_us, now_us - burst_us);
begin
  opened_us := known.opened_us;
  paused_us := greatest(known.paused_until_us - now_us, 0);
  first_in_us := 0;
  if paused_us > 0 then
    return;
  end if;
  update host_limits set next_us = first_us + round(slots * interval_us)::bigint where host = of_host;
  first_in_us := first_us - now_us;
  -- Once in a thousand calls is often enough for a table that a crawl of a million hosts must not fill.
  if random() < 0.001 then
    delete from host_limits where host in
      (select host from host_limits where next_us < now_us - forget_us limit 10000 for update skip locked);
  end if;
end $$;

COMMENT ON FUNCTION public.reserve_host_slots(of_host text, slots integer, interval_us double precision, burst_us bigint, forget_us bigint, OUT opened_us bigint, OUT first_in_us bigint, OUT paused_us bigint) IS 'Reserves the next slots of a host, one interval apart, unless it is paused. Returns when the host was first seen, and the microseconds from now to the first slot and to the end of the pause.';

CREATE FUNCTION public.retire_model(model text) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
  retired models;
  key text;
  found_ids text;
  photos bigint;
  patience text := current_setting('lock_timeout');
begin
  if retire_model.model is null then
    raise exception 'Name the model to be retired, as name@precision.' using errcode = 'UC005';
  end if;
  -- Until the end of this transaction no run begins with it, and nobody chooses it for searches.
  select * into retired from models where id = model_id_of(retire_model.model) for update;
  if not found then
    raise exception 'Model % was retired meanwhile.', retire_model.model using errcode = 'UC003';
  end if;
  key := retired.name || '@' || retired.precision;
  if retired.id = searched_model_id() then
    raise exception '% is the model that is searched. Choose another one first: unsplash-clip models use NAME', key
      using errcode = 'UC005';
  end if;
  select string_agg(r.run_id, ', ' order by r.position) into found_ids from run_progress r
   where r.model_id = retired.id and r.state not in ('done', 'cancelled');
  if found_ids is not null then
    raise exception 'Not all photos of run % are settled, and they are to be embedded with %. Let it end, or cancel it first: unsplash-clip run cancel RUN',
      found_ids, key using errcode = 'UC005';
  end if;
  select string_agg(w.host || ':' || w.pid, ', ') into found_ids from workers w
   where w.seen_at > now() - interval '30 seconds'
     and exists (select from runs r where r.model_id = retired.id and w.in_hand ? r.id);
  if found_ids is not null then
    raise exception 'Worker % still works on photos of a cancelled run, to be embedded with %. Try again when it is done with them.',
      found_ids, key using errcode = 'UC005';
  end if;

  select count(*) into photos from embeddings e where e.model_id = retired.id;
  delete from failures where model_id = retired.id;
  delete from photo_versions where model_id = retired.id;
  delete from label_sets where model_id = retired.id;
  delete from reference_scores s using reference_sets r where r.model_id = retired.id and s.version = r.version;
  delete from batches where model_id = retired.id;
  delete from runs where model_id = retired.id;
  -- Dropping a partition locks all of embeddings. A session that waits for that lock blocks all later searches, so this waits
  -- in short pieces and lets them pass in between.
  for attempt in 1..40 loop
    begin
      perform set_config('lock_timeout', '2s', true);
      execute format('drop table %I', 'embeddings_m' || retired.id);
      exit;
    exception when lock_not_available then
      if attempt = 40 then
        raise exception 'Statements that read or write embeddings do not end, so those of % cannot be dropped, and nothing was changed. pg_stat_activity shows them; try again when they are done.', key
          using errcode = 'UC007';
      end if;
      perform pg_sleep(0.2);
    end;
  end loop;
  perform set_config('lock_timeout', patience, true);
  delete from models where id = retired.id;
  return photos;
end $$;

COMMENT ON FUNCTION public.retire_model(model text) IS 'Drops all data of a model: embeddings with their indexes, labels, prompts, reference texts, failures, settings, runs. Photos and their copies stay. Refuses the model that is searched, and a model with open runs. Returns the number of embeddings dropped.';

CREATE FUNCTION public.rewrite_photo_texts() RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
  configuration regconfig;
  written bigint;
begin
  -- Sessions that write photos or keywords wait for this lock, and then compute with the language that is set by then.
  lock table photo_texts in share row exclusive mode;
  configuration := text_configuration();
  insert into photo_texts (photo_id)
  select photo_id from photos union select photo_id from photo_keywords on conflict (photo_id) do nothing;
  -- offset 0: computed once, not for the comparison and again.
  update photo_texts t set words = now_is.words
    from (select photo_id, words from photo_words(configuration) offset 0) as now_is
   where t.photo_id = now_is.photo_id and t.words <> now_is.words;
  get diagnostics written = row_count;
  return written;
end $$;

COMMENT ON FUNCTION public.rewrite_photo_texts() IS 'Computes the words of all photos again. Returns how many changed.';

CREATE FUNCTION public.rewritten_words() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  perform rewrite_photo_texts();
  return null;
end $$;

COMMENT ON FUNCTION public.rewritten_words() IS 'Trigger: updates photo_texts after photos or photo_keywords were truncated.';

CREATE FUNCTION public.same_prompts(one public.vector[], other public.vector[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
  -- Single precision computes the distance of equal vectors as up to some 1e-7.
  select cardinality(one) = cardinality(other)
     and (select bool_and(prompt <=> known < 1e-6) from unnest(one, other) as pair (prompt, known))
$$;

COMMENT ON FUNCTION public.same_prompts(one public.vector[], other public.vector[]) IS 'Part of define_label_set: whether two lists of prompt embeddings have the same directions, but for rounding.';

CREATE PROCEDURE public.score_references(IN model text DEFAULT NULL::text)
    LANGUAGE plpgsql
    AS $$
declare
  of_model integer := model_id_of(model);
  more boolean;
begin
  loop
    while reference_page(of_model) is not null loop
      commit;
    end loop;
    select queued > 0 into more from reference_rest(of_model);
    commit;
    exit when not more;
  end loop;
  perform reference_switch(of_model);
  commit;
  perform sweep_reference_scores();
end $$;

COMMENT ON PROCEDURE public.score_references(IN model text) IS 'Compares all embedded photos of a model with its reference texts, in many small transactions, then makes its coming set current, if there is one. After an interruption, call it again to continue; several sessions that call it share the work.';

CREATE FUNCTION public.search_conditions(of_model integer, labels jsonb, filters jsonb, OUT conditions text, OUT needs_photos boolean) RETURNS record
    LANGUAGE plpgsql STABLE
    AS $_$
begin
  -- The text made here holds names and operators from fixed lists, and numbers. A value is never part of it: the statement
  -- that it becomes part of takes labels as $3 and filters as $4 and reads the values from there.
  if jsonb_typeof(coalesce(labels, '[]')) <> 'array' or jsonb_typeof(coalesce(filters, '[]')) <> 'array' then
    raise exception 'labels and filters must be JSON arrays' using errcode = 'UC001';
  end if;
  select coalesce(string_agg(made.condition, '' order by position), ''), coalesce(bool_or(made.needs_photos), false)
    into conditions, needs_photos
    from jsonb_array_elements(filters) with ordinality as entries (entry, position)
   cross join filter_condition(entry, position::integer - 1, of_model) as made;
  conditions := conditions || label_conditions(of_model, labels);
end $_$;

COMMENT ON FUNCTION public.search_conditions(of_model integer, labels jsonb, filters jsonb, OUT conditions text, OUT needs_photos boolean) IS 'Checks label and metadata filters and turns them into SQL without their values: text of the form " and … and …" over the aliases e (embeddings) and p (photos, to be joined where needs_photos), which reads labels from $3 and filters from $4.';

CREATE FUNCTION public.search_embeddings(of_model integer, query public.vector, k integer, skip integer, labels jsonb, filters jsonb, except_photo text DEFAULT NULL::text, kind text DEFAULT NULL::text, min_score double precision DEFAULT NULL::double precision, after_score double precision DEFAULT NULL::double precision, after_photo text DEFAULT NULL::text, correction_weight double precision DEFAULT NULL::double precision) RETURNS TABLE(rank bigint, photo_id text, score double precision, correction double precision)
    LANGUAGE plpgsql STABLE ROWS 50
    SET jit TO 'off'
    SET enable_seqscan TO 'on'
    SET enable_sort TO 'on'
    SET work_mem TO '64MB'
    AS $$
declare
  model_dimension integer;
  plan record;
  ways text[];
  way text;
  direction vector;
  -- The kind of index that this way reads; null: none.
  method text;
  effort integer;
  depth bigint;
  candidates bigint;
  slack double precision;
  reference record;
  corrected boolean;
  after_place double precision := after_score;
  -- The most that the score of a photo can be above its place in the order of the hits.
  lift double precision := 0;
  ids text[];
  scores double precision[];
  corrections double precision[];
  seen bigint;
  reach double precision;
  -- The caller's settings of pgvector.
  breadth text;
  most_lists text;
  iterative_scan text;
begin
  if k is null or k < 1 then
    raise exception 'k must be a whole number from 1, found %', coalesce(k::text, 'null') using errcode = 'UC005';
  end if;
  if skip is null or skip < 0 then
    raise exception 'skip must be a whole number from 0, found %', coalesce(skip::text, 'null') using errcode = 'UC005';
  end if;
  if kind not in ('text', 'image') then
    raise exception 'kind must be text, image or null, found %', kind using errcode = 'UC005';
  end if;
  if (after_score is null) <> (after_photo is null) then
    raise exception 'after_score and after_photo are the score and the photo_id of one hit: give both or neither' using errcode = 'UC005';
  end if;
  if correction_weight is not null and not correction_weight between 0 and 2 then
    raise exception 'correction_weight must be a number from 0 to 2, found %', correction_weight using errcode = 'UC005';
  end if;
  select m.dimension, s.version, s.floor::double precision as floor, coalesce(correction_weight, s.weight, 0) as weight into reference
    from models m left join reference_sets s on s.model_id = m.id and s.state = 'current' where m.id = of_model;
  model_dimension := reference.dimension;
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
  -- Searches by images have no such hubs.
  corrected := coalesce(kind = 'text' and reference.weight > 0, false);
  if correction_weight > 0 and not corrected then
    raise exception 'correction_weight needs a query of the kind text, found %', coalesce(kind, 'null') using errcode = 'UC005';
  end if;
  if corrected and reference.version is null then
    raise exception 'Photos are not compared with reference texts yet, so their order cannot be corrected. Run: unsplash-clip models correct %',
      (select m.name || '@' || m.precision from models m where m.id = of_model) using errcode = 'UC003';
  end if;
  direction := l2_normalize(query);
  -- The square of a very long or very short vector is no number of single precision.
  if not vector_norm(query) between 1e-9 and 1e9 then
    query := direction;
  end if;
  -- The largest difference of two ways to compute a score: the query was rounded, and sums of model_dimension products in
  -- single precision differ by model_dimension x 2^-22 at most; four times that, to be sure.
  slack := 1.01 * vector_norm(direction - direction::halfvec::vector) + model_dimension * 2.0 ^ -20;

  plan := search_plan(of_model, case when corrected then greatest(k, least(4 * k, 250)) else k end, skip, labels, filters,
                      coalesce(kind, query_kind(of_model, direction)), corrected);
  ways := plan.ways;
  if corrected then
    -- What is no candidate has a correction of at least that of the floor.
    lift := -reference.weight * coalesce(reference.floor, -1);
    after_place := after_score - reference.weight * coalesce(greatest(reference.floor, (
      select r.top_mean::double precision from reference_scores r where r.version = reference.version and r.photo_id = after_photo)), 0);
    if 'deep' = any (ways) then
      ways := array_remove(ways, plan.method);
    elsif plan.index_name is not null and k < 250 and ways[1] <> 'far' then
      -- Deeper, before all photos are compared.
      ways := ways[1] || ways;
    end if;
  end if;
  for attempt in 1 .. cardinality(ways) loop
    way := ways[attempt];
    if attempt = 2 and way = ways[1] then
      plan := search_plan(of_model, 250, skip, labels, filters, kind, false);
      continue when plan.index_name is null;
    end if;
    candidates := case
      when way = 'single' then k::bigint + skip
      -- As many as are expected that deep, 1000 at most.
      when way = 'deep' and corrected then greatest(plan.candidates, least(1000, plan.candidates * plan.deep_depth / plan.depth))
      -- Enough to tell in single precision; all of them where some are left out by their scores.
      when way = 'far' then case when min_score is null and after_score is null then 4 * (k::bigint + skip) + 100 else plan.depth end
      when way <> 'half' then plan.candidates
      when corrected then 8 * (k::bigint + skip) + 1000
      -- Among few photos, and far from the query, more of them are needed to tell.
      when plan.conditions <> '' then 2 * (k::bigint + skip) + 200
      else 2 * (k::bigint + skip) + 64 end;
    method := case when way in ('half', 'single') then null when way in ('deep', 'far') then plan.method else way end;
    effort := case way when 'deep' then plan.deep_effort else plan.effort end;
    depth := case way when 'deep' then plan.deep_depth else plan.depth end;
    -- What was tuned is what runs, also where the planner takes comparing all photos for cheaper.
    perform set_config('enable_seqscan', (method is null)::text, true);
    perform set_config('enable_sort', (method is null)::text, true);
    -- pgvector is loaded by now, so its settings are known.
    if method = 'ivfflat' then
      breadth := current_setting('ivfflat.probes');
      iterative_scan := current_setting('ivfflat.iterative_scan');
      most_lists := current_setting('ivfflat.max_probes');
      perform set_config('ivfflat.probes', effort::text, true);
      -- Where the lists hold fewer photos than candidates are wanted, more lists are read. To put all of them in order, as it is
      -- done for those that may be read, takes half a millisecond of a million photos.
      perform set_config('ivfflat.iterative_scan', 'relaxed_order', true);
      perform set_config('ivfflat.max_probes', least(4 * effort::bigint + 100, 32768)::text, true);
    elsif method = 'hnsw' then
      breadth := current_setting('hnsw.ef_search');
      iterative_scan := current_setting('hnsw.iterative_scan');
      perform set_config('hnsw.ef_search', effort::text, true);
      perform set_config('hnsw.iterative_scan', case when depth > effort then 'relaxed_order' else 'off' end, true);
    end if;
    execute search_statement(of_model, way, plan.distance, plan.conditions, plan.needs_photos, plan.drawn_percent, corrected)
      into ids, scores, corrections, seen, reach
      using query, except_photo, labels, filters, k, skip, min_score, after_place, after_photo,
            direction::halfvec, candidates, slack, depth, reference.version, reference.weight, reference.floor;
    -- Back to the caller's. After an error the rollback does it.
    if method = 'ivfflat' then
      perform set_config('ivfflat.probes', breadth, true);
      perform set_config('ivfflat.iterative_scan', iterative_scan, true);
      perform set_config('ivfflat.max_probes', most_lists, true);
    elsif method = 'hnsw' then
      perform set_config('hnsw.ef_search', breadth, true);
      perform set_config('hnsw.iterative_scan', iterative_scan, true);
    end if;
    exit when case way
      when 'single' then true
      -- What is no candidate scores less than the last hit of a full page, or less than min_score; where hits are corrected,
      -- also when the least correction brings it up.
      when 'half' then
        seen < candidates or coalesce(reach + slack < min_score, false)
        or coalesce(scores[k] - coalesce(corrections[k], 0) > reach + slack + lift, false)
      -- Fewer: the nearest photos that fulfil the conditions may lie deeper, or elsewhere. But an index gives the nearest first:
      -- when it has come to photos below min_score, the rest are below it too, with conditions and without. Its distances and
      -- those of the scores each differ from the truth by slack.
      else (cardinality(ids) = k and (plan.conditions = '' or seen = candidates)
            -- What a sample leaves out has no bound.
            and (not corrected or way in ('deep', 'far') or scores[k] - corrections[k] > reach + 2 * slack + lift))
        or coalesce(reach + 2 * slack < min_score, false) end;
  end loop;
  return query select skip + found.position, found.id, found.score, found.correction
                 from unnest(ids, scores, corrections) with ordinality as found (id, score, correction, position);
end $$;

COMMENT ON FUNCTION public.search_embeddings(of_model integer, query public.vector, k integer, skip integer, labels jsonb, filters jsonb, except_photo text, kind text, min_score double precision, after_score double precision, after_photo text, correction_weight double precision) IS 'Nearest photos of one model by id; people use search_photos and similar_photos. kind: text or image, the origin of the query vector; null: query_kind tells. An index, where search_settings names one, only selects candidates; scores are exact, and where it selects too few although it has not come down to min_score, all photos are compared. correction_weight: of texts only; hits go by score less correction, which is this share of the photo''s similarity to reference texts (see reference_scores). Null: the share that is set for the model, which may be 0; the correction of a hit is null where hits go by score.';

CREATE FUNCTION public.search_facets(facets text[] DEFAULT NULL::text[], query public.vector DEFAULT NULL::public.vector, n integer DEFAULT 1000, labels jsonb DEFAULT '[]'::jsonb, filters jsonb DEFAULT '[]'::jsonb, model text DEFAULT NULL::text, top integer DEFAULT 10, min_score double precision DEFAULT NULL::double precision, kind text DEFAULT NULL::text) RETURNS TABLE(facet text, value text, photos bigint, part text)
    LANGUAGE plpgsql STABLE
    AS $_$
declare
  of_model integer := model_id_of(model);
  sets text[] := array(select s.name from label_sets s where s.model_id = of_model order by s.name collate "C");
  wanted text[] := coalesce(facets, sets || array['country', 'camera_make', 'featured', 'orientation', 'year', 'iso']);
  name text;
  of_photos text := '';
  columns text := '';
  names text := '';
  groups text[] := '{}';
  grouped text := 'select null::text as facet, null::text collate "C" as value, 0::bigint as photos where false';
  tables text := '';
  counts text := '';
  rest text := '';
  place integer := 0;
begin
  if top is null or top < 1 then
    raise exception 'top must be a whole number from 1, found %', coalesce(top::text, 'null') using errcode = 'UC005';
  end if;
  for name in select distinct unnest(wanted) loop
    place := place + 1;
    if facet_expression(name) is not null then
      -- The folder depends on what all folders have in common, so it follows once these are known.
      if name = 'folder' then
        of_photos := of_photos || ', image_folder(p.photo_image_url) as folder';
        columns := columns || format(', (%s)::text collate "C" as f%s', facet_expression(name), place);
      else
        of_photos := of_photos || format(', (%s)::text collate "C" as f%s', facet_expression(name), place);
        columns := columns || format(', f%s', place);
      end if;
      names := names || format(' when grouping(f%s) then %L', place, name);
      groups := groups || format('f%s', place);
    elsif facet_table(name) is not null then
      tables := tables || format($sql$,
    m%s as materialized (
      select m.photo_id, m.value collate "C" as value from chosen c join (%s) as m on m.photo_id = c.photo_id
    )$sql$, place, facet_table(name));
      counts := counts || format(' union all select %L, value, count(*) from m%s group by value', name, place);
      -- A photo has many values: what is left are the photos without any of those shown.
      rest := rest || format($sql$
        union all
        select %1$L, null, left_over.photos, left_over.part, null, null
          from (select count(*) filter (where not had.is_shown) as other, count(*) as known
                  from (select m.photo_id, bool_or(s.value is not null) as is_shown
                          from m%2$s m left join shown s on s.facet = %1$L and s.value = m.value group by m.photo_id) as had) as had
         cross join lateral (values ('other', had.other), ('unknown', (select count(*) from chosen) - had.known)) as left_over (part, photos)
         where left_over.photos > 0$sql$, name, place);
    elsif name is null or not name = any (sets) then
      raise exception 'there is no facet %; known: %', coalesce(name, 'null'), array_to_string(sets || array['country', 'city',
        'camera_make', 'camera_model', 'photographer', 'featured', 'orientation', 'year', 'month', 'iso', 'folder', 'keyword',
        'color', 'collection'], ', ') using errcode = 'UC005';
    end if;
  end loop;

  if groups <> '{}' then
    -- One pass over the photos counts all of these facets. Each row of the result groups by one of them.
    grouped := format($sql$
      select case 0 %s end as facet, coalesce(%s) as value, count(*) as photos
        from (select photo_id %s from photo_facts b cross join common) as b
       group by grouping sets ((%s))$sql$,
      names, array_to_string(groups, ', '), columns, array_to_string(groups, '), ('));
  end if;
  return query execute format($sql$
    with chosen as materialized (%1$s),
    photo_facts as (select c.photo_id %2$s from chosen c left join photos p on p.photo_id = c.photo_id),
    common as (select %4$s as depth) %7$s,
    facts as (
      %5$s %8$s
    ), ranked as (
      select *, row_number() over (partition by facet order by photos desc, value collate "C") as place
        from facts where value is not null
    ), shown as (
      select facet, value, photos, facet_place(facet, value) as natural_place, place from ranked where place <= $5
    ), labelled as (
      -- By version alone: each further condition would make the planner expect fewer labels. Expecting one, as it does before
      -- the first analyze, it compares every photo with every label.
      select l.set_name, l.label, count(*) as photos from chosen c
        join label_rows l on l.photo_id = c.photo_id
         and l.version = any (array(select s.version from label_sets s where s.model_id = %3$s and s.name = any ($1)))
       group by l.set_name, l.label
    ), everything as (
      select facet, value, photos, 'value' as part, natural_place, place from shown
      union all
      select facet, null, sum(photos), 'other', null, null from ranked
       where place > $5 and facet_table(facet) is null group by facet
      union all
      select facet, null, photos, 'unknown', null, null from facts where value is null %6$s
      union all
      select s.name, names.label, coalesce(l.photos, 0), 'value', names.position, null
        from label_sets s cross join unnest(s.labels) with ordinality as names (label, position)
        left join labelled l on l.set_name = s.name and l.label = names.label
       where s.model_id = %3$s and s.name = any ($1) and facet_expression(s.name) is null and facet_table(s.name) is null
      union all
      select s.name, null, total.photos - coalesce(had.photos, 0), 'unknown', null, null
        from label_sets s cross join (select count(*) as photos from chosen) as total
        left join (select set_name, sum(photos) as photos from labelled group by set_name) as had on had.set_name = s.name
       where s.model_id = %3$s and s.name = any ($1) and facet_expression(s.name) is null and facet_table(s.name) is null
         and total.photos > coalesce(had.photos, 0)
    )
    select facet, value, photos::bigint, part from everything
     order by array_position($1, facet), array_position(array['value', 'other', 'unknown'], part), natural_place, place$sql$,
    counted_photos(of_model, query, labels, filters), of_photos, of_model,
    case when 'folder' = any (wanted) then '(select common_length(min(folder), max(folder)) from photo_facts)' else 'null::integer' end,
    grouped, rest, tables, counts)
    using wanted, query, labels, filters, top, n, kind, min_score;
end $_$;

COMMENT ON FUNCTION public.search_facets(facets text[], query public.vector, n integer, labels jsonb, filters jsonb, model text, top integer, min_score double precision, kind text) IS 'Histograms of a result set: of the n photos nearest to query, or, without query, of all embedded photos that fulfil labels and filters. facets: label sets of the model and country, city, camera_make, camera_model, photographer, featured, orientation, year, month, iso, folder, keyword, color, collection; null: all label sets and the usual ones. part: value (labels in the order of their set, else the top values by photos; year, month and iso in their own order), other (all values beyond top together), unknown. folder: of image files and objects, the folders directly below the folder that all of them have in common. Each facet adds up to the photos of the result, except keyword, color and collection: a photo counts with each of its values, as other when none of them is shown, as unknown when it has none.';

CREATE FUNCTION public.search_hybrid(prompt text, k integer DEFAULT 10, skip integer DEFAULT 0, labels jsonb DEFAULT '[]'::jsonb, filters jsonb DEFAULT '[]'::jsonb, model text DEFAULT NULL::text, min_score double precision DEFAULT NULL::double precision, vector_weight double precision DEFAULT 1, text_weight double precision DEFAULT 1, rrf_k integer DEFAULT 60, depth integer DEFAULT 200, query public.vector DEFAULT NULL::public.vector, kind text DEFAULT NULL::text, correction_weight double precision DEFAULT NULL::double precision) RETURNS TABLE(rank bigint, photo_id text, score double precision, vector_rank bigint, vector_score double precision, text_rank bigint, text_score real, description text, photographer text, photo_url text, correction double precision)
    LANGUAGE plpgsql STABLE ROWS 50
    SET jit TO 'off'
    AS $_$
declare
  of_model integer := model_id_of(model);
  wanted record;
  words tsquery;
  -- How many of the best texts are looked at before all.
  looked_at bigint := 2 * depth::bigint;
  -- Looking more of them up takes as long as all.
  most_looked_at constant integer := 20000;
begin
  if k is null or k < 1 then
    raise exception 'k must be a whole number from 1, found %', coalesce(k::text, 'null') using errcode = 'UC005';
  end if;
  if skip is null or skip < 0 then
    raise exception 'skip must be a whole number from 0, found %', coalesce(skip::text, 'null') using errcode = 'UC005';
  end if;
  if rrf_k is null or rrf_k < 0 then
    raise exception 'rrf_k must be a whole number from 0, found %', coalesce(rrf_k::text, 'null') using errcode = 'UC005';
  end if;
  -- What a deeper list would bring up could stand before what a page has shown already.
  if depth is null or depth < k::bigint + skip then
    raise exception 'depth must be at least k + skip = %, and the same for every page, found %', k::bigint + skip,
      coalesce(depth::text, 'null') using errcode = 'UC005';
  end if;
  if (vector_weight >= 0 and vector_weight < 'infinity' and text_weight >= 0 and text_weight < 'infinity'
      and vector_weight + text_weight > 0) is not true then
    raise exception 'vector_weight and text_weight must be numbers from 0, one of them above, found % and %',
      coalesce(vector_weight::text, 'null'), coalesce(text_weight::text, 'null') using errcode = 'UC005';
  end if;
  if prompt is null and query is null then
    raise exception 'a prompt or a query vector expected, found neither' using errcode = 'UC005';
  end if;
  select * into wanted from search_conditions(of_model, labels, filters);
  -- A list of weight 0 is not made: words alone need no vector.
  kind := case when query is null then 'text' else kind end;
  query := case when vector_weight > 0 then coalesce(query, prompt_embedding(prompt, of_model::text)) end;
  words := case when text_weight > 0 then text_query(prompt) end;

  -- Photos of equal score share a rank, and the ids must not decide among them: one word gives hundreds of thousands of equal
  -- scores. Of those as good as the last of the text list, only photos of the vector list can come onto a page, so these
  -- belong to it, too.
  -- A frequent word is in a large share of all photos. So the best come first, and which of them have an embedding of the model
  -- and fulfil the conditions is looked up afterwards; where these are too few, all that have the words are looked up.
  if wanted.conditions <> '' then
    looked_at := least(most_looked_at + 1, looked_at * greatest(1, expected_matches(of_model, '[]', '[]')
                                                           / greatest(1, expected_matches(of_model, coalesce(labels, '[]'), coalesce(filters, '[]')))));
  end if;
  return query execute format($sql$
    with by_vector as materialized (
      select near.photo_id, near.score, near.correction,
             rank() over (order by near.score - coalesce(near.correction, 0) desc) as place
        from search_embeddings(%1$s, $1, $5, 0, $3, $4, null, $6, $7, correction_weight => $13) as near where $1 is not null
    ), best_texts as materialized (
      select t.photo_id, ts_rank(t.words, $2) as score from photo_texts t
       where %4$L and t.words @@ $2 order by score desc, photo_id limit $14
    ), fitting as materialized (
      select e.photo_id, b.score from best_texts b join embeddings e on e.photo_id = b.photo_id %2$s
       where e.model_id = %1$s %3$s
    ), known as materialized (
      select %4$L and ((select count(*) from fitting) >= $5 or (select count(*) from best_texts) < $14) as enough
    ), best as materialized (
      (select photo_id, score from fitting where (select enough from known) order by score desc, photo_id limit $5)
      union all
      (select t.photo_id, ts_rank(t.words, $2) as score from photo_texts t join embeddings e on e.photo_id = t.photo_id %2$s
        where not (select enough from known) and e.model_id = %1$s and t.words @@ $2 %3$s
        order by score desc, photo_id limit $5)
    ), by_text as (
      select photo_id, score, rank() over (order by score desc) as place
        from (select photo_id, score from best
              union all
              select t.photo_id, last.score
                from by_vector v join photo_texts t on t.photo_id = v.photo_id
                     cross join (select min(score) as score, count(*) as photos from best) as last
               where last.photos = $5 and t.words @@ $2 and ts_rank(t.words, $2) = last.score
                 and t.photo_id not in (select photo_id from best)) as listed
    ), fused as (
      select photo_id, coalesce($8 / ($10 + v.place), 0) + coalesce($9 / ($10 + t.place), 0) as score,
             v.place as vector_rank, v.score as vector_score, v.correction, t.place as text_rank, t.score as text_score
        from by_vector v full join by_text t using (photo_id)
       order by score desc, photo_id limit $11 offset $12
    )
    select row_number() over (order by f.score desc, f.photo_id) + $12, f.photo_id, f.score, f.vector_rank, f.vector_score,
           f.text_rank, f.text_score, coalesce(p.photo_description, p.ai_description), p.photographer_username, p.photo_url, f.correction
      from fused f left join photos p on p.photo_id = f.photo_id
     order by f.score desc, f.photo_id$sql$,
    of_model, case when wanted.needs_photos then 'join photos p on p.photo_id = e.photo_id' end, wanted.conditions,
    looked_at <= most_looked_at)
    using query, words, labels, filters, depth, kind, min_score, vector_weight, text_weight, rrf_k::double precision, k, skip, correction_weight, looked_at;
end $_$;

COMMENT ON FUNCTION public.search_hybrid(prompt text, k integer, skip integer, labels jsonb, filters jsonb, model text, min_score double precision, vector_weight double precision, text_weight double precision, rrf_k integer, depth integer, query public.vector, kind text, correction_weight double precision) IS 'Photos by meaning and by words: the depth nearest by vector and the depth best by full text, fused by reciprocal rank (score = vector_weight / (rrf_k + vector_rank) + text_weight / (rrf_k + text_rank), SIGIR 2009), ties by photo_id. A rank is null where the photo is not in that list; a prompt of stop words only has no text list. min_score cuts the vector list. labels, filters, model: as in search_photos. query: the vector to search for, by default that of the prompt; kind, correction_weight: as in search_photos; correction: what the order of the vector list subtracts from vector_score.';

CREATE FUNCTION public.search_photos(query public.vector, k integer DEFAULT 10, skip integer DEFAULT 0, labels jsonb DEFAULT '[]'::jsonb, filters jsonb DEFAULT '[]'::jsonb, model text DEFAULT NULL::text, min_score double precision DEFAULT NULL::double precision, after_score double precision DEFAULT NULL::double precision, after_photo text DEFAULT NULL::text, kind text DEFAULT NULL::text, correction_weight double precision DEFAULT NULL::double precision) RETURNS TABLE(rank bigint, photo_id text, score double precision, description text, photographer text, photo_url text, correction double precision)
    LANGUAGE sql STABLE ROWS 50
    AS $$
  select hit.rank, hit.photo_id, hit.score,
         coalesce(p.photo_description, p.ai_description), p.photographer_username, p.photo_url, hit.correction
    from search_embeddings(
           model_id_of(search_photos.model), search_photos.query, search_photos.k, search_photos.skip,
           search_photos.labels, search_photos.filters, null, search_photos.kind,
           search_photos.min_score, search_photos.after_score, search_photos.after_photo,
           search_photos.correction_weight) as hit
    left join photos p on p.photo_id = hit.photo_id
   order by hit.rank
$$;

COMMENT ON FUNCTION public.search_photos(query public.vector, k integer, skip integer, labels jsonb, filters jsonb, model text, min_score double precision, after_score double precision, after_photo text, kind text, correction_weight double precision) IS 'Photos nearest to a vector: score is the cosine similarity, ties by photo_id. skip omits the first hits; after_score and after_photo continue after a hit; min_score omits less similar photos. labels: [{"set":"taken_time","label":"night","min_score":0.5}], several of one set mean any of them. filters: [{"column":"exif_iso","operator":">=","value":"800"}], all must hold. model: name or name@precision, by default the one chosen for searches. kind: text or image, the origin of the vector; by default query_kind tells. correction_weight: for kind text, the share of each photo''s similarity to reference texts that the order subtracts from its score, from 0 to 2; by default the one of use_correction. correction: what was subtracted; null where the order is that of the scores.';

CREATE FUNCTION public.search_places(cell double precision DEFAULT 5, query public.vector DEFAULT NULL::public.vector, n integer DEFAULT 1000, labels jsonb DEFAULT '[]'::jsonb, filters jsonb DEFAULT '[]'::jsonb, model text DEFAULT NULL::text, top integer DEFAULT 500, min_score double precision DEFAULT NULL::double precision, kind text DEFAULT NULL::text, box double precision[] DEFAULT NULL::double precision[]) RETURNS TABLE(latitude double precision, longitude double precision, south double precision, west double precision, north double precision, east double precision, photos bigint, placed bigint)
    LANGUAGE plpgsql STABLE
    AS $_$
declare
  of_model integer := model_id_of(model);
begin
  if (cell > 0 and cell <= 180) is not true then
    raise exception 'cell must be a number of degrees above 0, up to 180, found %', coalesce(cell::text, 'null') using errcode = 'UC005';
  end if;
  if top is null or top < 1 then
    raise exception 'top must be a whole number from 1, found %', coalesce(top::text, 'null') using errcode = 'UC005';
  end if;
  if box is not null and (cardinality(box) = 4 and box[1] <= box[3] and box[2] <= box[4]) is not true then
    raise exception 'box must be south, west, north and east in degrees, found %', box using errcode = 'UC005';
  end if;
  return query execute format($sql$
    with chosen as materialized (%s)
    select avg(p.photo_location_latitude), avg(p.photo_location_longitude),
           min(p.photo_location_latitude), min(p.photo_location_longitude),
           max(p.photo_location_latitude), max(p.photo_location_longitude),
           count(*), (sum(count(*)) over ())::bigint
      from chosen c join photos p on p.photo_id = c.photo_id
     where p.photo_location_latitude between coalesce($9[1], -90) and coalesce($9[3], 90)
       and p.photo_location_longitude between coalesce($9[2], -180) and coalesce($9[4], 180)
     group by floor(p.photo_location_latitude / $1), floor(p.photo_location_longitude / $1)
     order by count(*) desc, floor(p.photo_location_latitude / $1), floor(p.photo_location_longitude / $1)
     limit $5$sql$, counted_photos(of_model, query, labels, filters))
    using cell, query, labels, filters, top, n, kind, min_score, box;
end $_$;

COMMENT ON FUNCTION public.search_places(cell double precision, query public.vector, n integer, labels jsonb, filters jsonb, model text, top integer, min_score double precision, kind text, box double precision[]) IS 'Photos by place, counted in cells of `cell` degrees of latitude and longitude: of the photos that search_facets counts, inside box (south, west, north, east; null: the whole Earth). Each row is a cell: mean place, bounds and number of its photos, and the number of photos of all cells (placed). The fullest cells come first, at most top.';

CREATE FUNCTION public.search_plan(of_model integer, k integer, skip integer, labels jsonb, filters jsonb, kind text, corrected boolean DEFAULT false, OUT ways text[], OUT method text, OUT index_name text, OUT distance text, OUT effort integer, OUT candidates bigint, OUT depth bigint, OUT conditions text, OUT needs_photos boolean, OUT deep_effort integer, OUT deep_depth bigint, OUT drawn_percent double precision) RETURNS record
    LANGUAGE plpgsql STABLE
    AS $_$
declare
  settings search_settings;
  dimension integer;
  opclass name;
  photos double precision;
  share double precision;
  -- More photos than these are not all compared where an index serves the model: it takes too long. Instead the index is read
  -- down to the deepest, and where too few of those pass, about that number of all that pass are drawn at random and compared.
  most_compared constant integer := 22000;
  shallow constant integer := 1000;
  deepest constant integer := 5000;
  drawn constant integer := 6000;
  -- Percent of the photos. Of fewer that pass, the index is read deeply at once: looking at the nearest first costs as much.
  looked_first constant integer := 15;
begin
  select made.conditions, made.needs_photos into conditions, needs_photos
    from search_conditions(of_model, labels, filters) as made;
  -- Half precision is twice as fast, and needs candidates beyond those asked for: with many hits they cost more than they save.
  ways := case when k::bigint + skip <= 5000 then array['half', 'single'] else array['single'] end;

  select s.* into settings from search_setting(of_model, kind) s
    join pg_index i on i.indexrelid = to_regclass(quote_ident(s.index_name)) and i.indrelid = to_regclass('embeddings_m' || of_model)
   where i.indisvalid;
  if not found then
    return;
  end if;
  -- Two indexes of one model have different operators, so that the planner cannot take one for the other.
  select c.opcname, m.dimension into opclass, dimension from pg_index i join pg_opclass c on c.oid = i.indclass[0]
    join models m on m.id = of_model where i.indexrelid = to_regclass(quote_ident(settings.index_name));
  distance := format('(e.embedding::halfvec(%s) %s $10)', dimension, case opclass when 'halfvec_cosine_ops' then '<=>' else '<#>' end);
  photos := case when corrected or conditions <> '' then expected_matches(of_model, '[]', '[]') end;
  if conditions = '' and photos > most_compared and k::bigint + skip <= shallow then
    -- Of many photos, those that the index gives can hardly be proved to contain the hits, so every search would compare all
    -- photos. Nearly all of the ten hits are among the deepest, of which some lie in lists that are further away.
    method := settings.method;
    index_name := settings.index_name;
    depth := deepest;
    effort := case method when 'ivfflat' then least(4 * settings.effort::bigint, 32768) else 1000 end;
    ways := array['far'] || ways;
    return;
  end if;
  candidates := 4 * greatest(k, 10)::bigint;
  -- All pages that an index serves are cut from the same candidates, so that they fit together. 1000 is the most of hnsw.
  if k::bigint + skip > candidates or candidates > 1000 then
    return;
  end if;
  depth := candidates;
  effort := case settings.method when 'hnsw' then least(1000, greatest(settings.effort, candidates)) else settings.effort end;
  if conditions <> '' then
    share := least(1, greatest(1, expected_matches(of_model, coalesce(labels, '[]'), coalesce(filters, '[]'))) / photos);
    -- At this depth 1.5 times the candidates are expected. Where conditions leave few photos, the index would read more photos
    -- than a comparison of all that fulfil them.
    depth := 1.5 * candidates / share;
    -- So deep a look at the index, which may find too few, takes nearly as long as comparing all of so few.
    if share * photos < 5 * depth or (share * photos <= most_compared and depth > shallow) then
      return;
    end if;
    -- What was tuned finds the ten nearest. Those among a share of the photos lie further out, in more lists.
    if settings.method = 'ivfflat' then
      effort := ceil(settings.effort * (1 - ln(share) / 2));
    end if;
    if share * photos > most_compared then
      deep_depth := greatest(deepest, depth);
      deep_effort := case settings.method
        when 'ivfflat' then greatest(effort, ceil(settings.effort * (1 + ln(deepest / 10.0) / 4))) else 1000 end;
      -- Conditions on photos are looked at while the sample is read; others cost a lookup per photo of the sample.
      drawn_percent := 100 * drawn / (share * photos);
      if not needs_photos then
        drawn_percent := least(drawn_percent, 1000 * drawn / photos);
      end if;
      ways := array['deep'] || ways;
    end if;
  end if;
  method := settings.method;
  index_name := settings.index_name;
  if deep_depth is null or 100 * share > looked_first then
    ways := method || ways;
  end if;
end $_$;

COMMENT ON FUNCTION public.search_plan(of_model integer, k integer, skip integer, labels jsonb, filters jsonb, kind text, corrected boolean, OUT ways text[], OUT method text, OUT index_name text, OUT distance text, OUT effort integer, OUT candidates bigint, OUT depth bigint, OUT conditions text, OUT needs_photos boolean, OUT deep_effort integer, OUT deep_depth bigint, OUT drawn_percent double precision) IS 'Part of search_embeddings: how it answers. ways: tried in this order until a complete answer is certain; ivfflat and hnsw: candidates from index_name, by its distance, with effort (probes, ef_search), among the depth nearest; far: the same without conditions, as deep as hits that are corrected are looked for; deep: the same index with deep_effort among the deep_depth nearest and, where too few of those pass, a random drawn_percent of all photos; half, single: all photos compared, first in half precision or directly in single precision. conditions, needs_photos: as search_conditions returns them.';

CREATE TABLE public.search_settings (
    model_id integer NOT NULL,
    query_kind text NOT NULL,
    method text NOT NULL,
    index_name text,
    effort integer,
    wanted_recall real,
    measured_recall real,
    sampled_queries integer,
    photos bigint,
    tuned_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT search_settings_check CHECK ((((method = 'exact'::text) = (index_name IS NULL)) AND ((method = 'exact'::text) = (effort IS NULL)))),
    CONSTRAINT search_settings_effort_check CHECK ((effort > 0)),
    CONSTRAINT search_settings_measured_recall_check CHECK (((measured_recall >= (0)::double precision) AND (measured_recall <= (1)::double precision))),
    CONSTRAINT search_settings_method_check CHECK ((method = ANY (ARRAY['exact'::text, 'ivfflat'::text, 'hnsw'::text]))),
    CONSTRAINT search_settings_query_kind_check CHECK ((query_kind = ANY (ARRAY['text'::text, 'image'::text]))),
    CONSTRAINT search_settings_wanted_recall_check CHECK (((wanted_recall > (0)::double precision) AND (wanted_recall <= (1)::double precision)))
);

COMMENT ON TABLE public.search_settings IS 'How queries of each kind are answered for a model, as "index tune" measured it; a kind without a row is searched exactly. Texts and images lie in different regions, so each kind has its own settings.';

COMMENT ON COLUMN public.search_settings.model_id IS 'The model.';

COMMENT ON COLUMN public.search_settings.query_kind IS 'The query vector was made from: text or image.';

COMMENT ON COLUMN public.search_settings.method IS 'exact (compare all photos), ivfflat or hnsw.';

COMMENT ON COLUMN public.search_settings.index_name IS 'The index; null for exact.';

COMMENT ON COLUMN public.search_settings.effort IS 'Search effort: lists probed (ivfflat.probes) or candidates kept (hnsw.ef_search); null for exact.';

COMMENT ON COLUMN public.search_settings.wanted_recall IS 'The recall that was asked for.';

COMMENT ON COLUMN public.search_settings.measured_recall IS 'Mean share of the true ten nearest photos that the setting found over sampled_queries.';

COMMENT ON COLUMN public.search_settings.sampled_queries IS 'Number of queries in the measurement.';

COMMENT ON COLUMN public.search_settings.photos IS 'Number of embedded photos during the measurement.';

COMMENT ON COLUMN public.search_settings.tuned_at IS 'When it was measured.';

CREATE FUNCTION public.search_setting(of_model integer, kind text) RETURNS SETOF public.search_settings
    LANGUAGE sql STABLE
    AS $$
  select s.* from search_settings s
   where s.model_id = of_model and s.query_kind = search_setting.kind
     and coalesce(current_setting('unsplash_clip.tried_setting', true), '') = ''
  union all
  select t.* from jsonb_populate_record(null::search_settings,
                    nullif(current_setting('unsplash_clip.tried_setting', true), '')::jsonb) as t
   where t.method is not null
$$;

COMMENT ON FUNCTION public.search_setting(of_model integer, kind text) IS 'Part of search_plan: how a kind of query is answered. That is the row of search_settings, or while a transaction tries another one, what unsplash_clip.tried_setting holds: {"method":"hnsw","index_name":"embeddings_m1_hnsw","effort":100}.';

CREATE FUNCTION public.search_statement(of_model integer, way text, index_distance text, conditions text, needs_photos boolean, drawn_percent double precision DEFAULT NULL::double precision, corrected boolean DEFAULT false) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    AS $_$
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
end $_$;

COMMENT ON FUNCTION public.search_statement(of_model integer, way text, index_distance text, conditions text, needs_photos boolean, drawn_percent double precision, corrected boolean) IS 'Part of search_embeddings: its statement for one way of search_plan. drawn_percent: of deep. corrected: hits go by score less correction, not by score. Parameters: query, excluded photo, labels, filters, k, skip, min_score, place and photo of the hit to go on after, query in half precision, candidates, slack, depth, and of a correction: reference set, weight, floor. Columns: ids, scores and corrections of the page, number of candidates, and reach: the score of the last photo that was read.';

CREATE FUNCTION public.search_text(prompt text, k integer DEFAULT 10, skip integer DEFAULT 0, labels jsonb DEFAULT '[]'::jsonb, filters jsonb DEFAULT '[]'::jsonb, model text DEFAULT NULL::text, min_score double precision DEFAULT NULL::double precision, after_score double precision DEFAULT NULL::double precision, after_photo text DEFAULT NULL::text, correction_weight double precision DEFAULT NULL::double precision) RETURNS TABLE(rank bigint, photo_id text, score double precision, description text, photographer text, photo_url text, correction double precision)
    LANGUAGE plpgsql STABLE ROWS 50
    AS $$
begin
  return query
    select * from search_photos(prompt_embedding(prompt, model), k, skip, labels, filters, model,
                                min_score, after_score, after_photo, 'text', correction_weight);
end $$;

COMMENT ON FUNCTION public.search_text(prompt text, k integer, skip integer, labels jsonb, filters jsonb, model text, min_score double precision, after_score double precision, after_photo text, correction_weight double precision) IS 'Photos nearest to words whose embedding is stored; see prompt_embedding. The other parameters are those of search_photos.';

CREATE FUNCTION public.searched_model_id() RETURNS integer
    LANGUAGE sql STABLE
    AS $$
  select coalesce((select s.model_id from search_model s),
                  (select r.model_id from runs r order by r.position desc limit 1),
                  (select m.id from models m where exists (select from embeddings e where e.model_id = m.id) order by m.id desc limit 1))
$$;

COMMENT ON FUNCTION public.searched_model_id() IS 'Id of the model of searches that name none: the one that was chosen; else that of the newest run; else the newest with embeddings, where there are no runs. Null: there are no embeddings.';

CREATE FUNCTION public.set_aside(of_batch text, queue_id text, payload jsonb) RETURNS text
    LANGUAGE plpgsql
    AS $$
declare
  owner runs;
begin
  -- Until the end of this transaction nobody changes what is asked of the run, nor moves the batch to another one.
  perform from batches where id = of_batch for update;
  select r.* into owner from batches b join runs r on r.id = b.run_id where b.id = of_batch for share of r;
  if not found or owner.control = 'active' then
    return 'active';
  end if;
  if owner.control = 'paused' then
    -- Parked again after it was put back into the queue, but before that was noted: a parking of its own.
    insert into parked_batches as p (id, batch_id, run_id, batch, parked_at)
    values (queue_id, of_batch, owner.id, payload, clock_timestamp())
    on conflict (id) do update set run_id = excluded.run_id, batch = excluded.batch, parked_at = excluded.parked_at;
  else
    update batches set dropped_at = now() where id = of_batch;
  end if;
  return owner.control;
end $$;

COMMENT ON FUNCTION public.set_aside(of_batch text, queue_id text, payload jsonb) IS 'For a batch that came out of the queue: parks it if its run is paused, drops it if its run is cancelled. Returns the requested state of the run; after "active" nothing was done, and the batch is to be processed.';

CREATE FUNCTION public.set_label_prompts(of_model integer, of_set text, embeddings public.vector[]) RETURNS void
    LANGUAGE sql
    AS $$
  delete from label_prompts p where p.model_id = of_model and p.set_name = of_set;
  insert into label_prompts (model_id, set_name, position, label, prompt, embedding)
  select of_model, of_set, new.position, new.label, replace(s.template, '{label}', new.label), new.embedding
    from label_sets s
   cross join unnest(s.labels, embeddings) with ordinality as new (label, embedding, position)
   where s.model_id = of_model and s.name = of_set;
$$;

COMMENT ON FUNCTION public.set_label_prompts(of_model integer, of_set text, embeddings public.vector[]) IS 'Part of define_label_set and label_switch: stores the prompts of a set according to its definition.';

CREATE FUNCTION public.set_run_control(of_run text, wanted text) RETURNS text
    LANGUAGE plpgsql
    AS $$
declare
  before text;
begin
  select control into before from runs where id = of_run for update;
  if not found then
    raise exception 'No run has the id %. "unsplash-clip run list" lists them.', of_run using errcode = 'UC003';
  end if;
  if before = 'cancelled' and wanted <> 'cancelled' then
    raise exception 'Run % was cancelled, which is for good. Start the same ingest again: what is done is not done twice.', of_run
      using errcode = 'UC005';
  end if;
  update runs set control = wanted where id = of_run and control <> wanted;
  if wanted = 'cancelled' then
    delete from parked_batches where run_id = of_run;
  end if;
  return before;
end $$;

COMMENT ON FUNCTION public.set_run_control(of_run text, wanted text) IS 'Requests that a run be active, paused or cancelled. Returns the request before.';

CREATE FUNCTION public.shared_concepts(query public.vector DEFAULT NULL::public.vector, n integer DEFAULT 200, labels jsonb DEFAULT '[]'::jsonb, filters jsonb DEFAULT '[]'::jsonb, model text DEFAULT NULL::text, top integer DEFAULT 12, min_score double precision DEFAULT NULL::double precision, kind text DEFAULT NULL::text, omitted text DEFAULT ''::text) RETURNS TABLE(concept text, photos bigint, hits bigint, share_of_all double precision)
    LANGUAGE plpgsql STABLE
    AS $_$
declare
  of_model integer := model_id_of(model);
  of_set reference_sets;
begin
  if top is null or top < 1 then
    raise exception 'top must be a whole number from 1, found %', coalesce(top::text, 'null') using errcode = 'UC005';
  end if;
  if n is null or n < 1 then
    raise exception 'n must be a whole number from 1, found %', coalesce(n::text, 'null') using errcode = 'UC005';
  end if;
  select s.* into of_set from reference_sets s where s.model_id = of_model and s.state = 'current' and s.cut is not null;
  if not found then
    return;
  end if;
  -- A text stands for what it names: "a dog" for dog. Its photos are those that show it, by the cut-off of searches.
  return query execute format($sql$
    with chosen as materialized (select c.photo_id from (%s) as c order by c.photo_id limit $6),
    seen as materialized (
      select l2_normalize(e.embedding::vector) as photo, $10 + greatest($11, r.top_mean::double precision) as least
        from chosen c join embeddings e on e.model_id = %s and e.photo_id = c.photo_id
        left join reference_scores r on r.version = $9 and r.photo_id = c.photo_id
    ), texts as materialized (
      select regexp_replace(t.text, '^(a|an|the) ', '', 'i') as concept, t.position, l2_normalize(t.embedding) as text, t.share
        from reference_texts t
       where t.version = $9 and t.share is not null and length(t.text) <= 30
         and not tsvector_to_array(to_tsvector($12, t.text)) && tsvector_to_array(to_tsvector($12, $1))
    ), counted as (
      select t.concept, t.position, t.share::double precision as q, count(*) as photos, total.hits
        from texts t cross join (select count(*) as hits from seen) as total
        join seen s on -(s.photo <#> t.text) >= s.least
       group by t.concept, t.position, t.share, total.hits
    ), sure as (
      -- The lower end of the interval of Wilson, as in shared_words.
      select c.*, (p + 1.96 ^ 2 / (2 * hits) - 1.96 * sqrt(p * (1 - p) / hits + 1.96 ^ 2 / (4 * hits::double precision ^ 2)))
                  / (1 + 1.96 ^ 2 / hits) as least
        from counted c cross join lateral (select c.photos / c.hits::double precision as p) as share
       where c.photos >= 2
    )
    select s.concept, s.photos, s.hits, s.q from sure s
     where s.least > s.q
     order by s.least * ln(s.least / s.q) desc, s.position
     limit $5$sql$, counted_photos(of_model, query, labels, filters), of_model)
    using omitted, query, labels, filters, top, n, kind, min_score, of_set.version, of_set.cut::double precision,
          coalesce(of_set.floor, -1)::double precision, text_configuration();
end $_$;

COMMENT ON FUNCTION public.shared_concepts(query public.vector, n integer, labels jsonb, filters jsonb, model text, top integer, min_score double precision, kind text, omitted text) IS 'What a result shows more often than the collection does: of the reference texts of the model, those that photos show by the cut-off of the condition shows. Needs no words of photos. Counted and ordered as in shared_words; the parameters are the same. No rows: the photos are not compared with reference texts yet.';

CREATE FUNCTION public.shared_words(query public.vector DEFAULT NULL::public.vector, n integer DEFAULT 200, labels jsonb DEFAULT '[]'::jsonb, filters jsonb DEFAULT '[]'::jsonb, model text DEFAULT NULL::text, top integer DEFAULT 12, min_score double precision DEFAULT NULL::double precision, kind text DEFAULT NULL::text, omitted text DEFAULT ''::text) RETURNS TABLE(word text, photos bigint, hits bigint, share_of_all double precision)
    LANGUAGE plpgsql STABLE
    SET jit TO 'off'
    AS $_$
declare
  of_model integer := model_id_of(model);
begin
  if top is null or top < 1 then
    raise exception 'top must be a whole number from 1, found %', coalesce(top::text, 'null') using errcode = 'UC005';
  end if;
  if n is null or n < 1 then
    raise exception 'n must be a whole number from 1, found %', coalesce(n::text, 'null') using errcode = 'UC005';
  end if;
  -- Ids of photos are random, so the first ones by id are a random sample of the collection: 2,000 tell a share of 5 % to 1 %.
  return query execute format($sql$
    with chosen as materialized (select c.photo_id from (%s) as c order by c.photo_id limit $6),
    texts as (
      select p.photo_id, left(concat_ws(' . ', p.photo_title, p.photo_description, p.ai_description, k.keywords), 20000) as words
        from chosen c join photos p on p.photo_id = c.photo_id
        left join lateral (select string_agg(keyword, ' . ') as keywords from photo_keywords where photo_id = p.photo_id) as k on true
    ), tokens as (
      -- Words and parts of words with a hyphen.
      select distinct t.photo_id, lower(parsed.token) as token
        from texts t cross join lateral ts_parse('default', t.words) as parsed
       where parsed.tokid in (1, 2, 10, 11) and length(parsed.token) between 3 and 40
    ), stems as (
      select known.token, stem.lexeme
        from (select distinct token from tokens) as known cross join lateral unnest(to_tsvector($9, known.token)) as stem
    ), counted as (
      select s.lexeme, mode() within group (order by t.token) as word, count(distinct t.photo_id) as photos
        from tokens t join stems s on s.token = t.token
       where not s.lexeme = any (tsvector_to_array(to_tsvector($9, $1)))
       group by s.lexeme
    ), total as (
      select count(*) as hits from chosen
    ), candidates as (
      select c.*, t.hits from counted c cross join total t
       where c.photos >= greatest(2, t.hits * 0.05) order by c.photos desc, c.lexeme limit 60
    ), sample as materialized (
      select words from photo_texts order by photo_id limit 2000
    ), background as (
      select c.lexeme, (count(*) filter (where l.lexeme is not null) + 0.5) / ((select count(*) from sample) + 1.0) as share
        from candidates c
        left join (select u.lexeme from sample s cross join lateral unnest(s.words) as u) as l on l.lexeme = c.lexeme
       group by c.lexeme
    ), sure as (
      -- The lower end of the interval of Wilson: chance gives a few photos any word, so what counts is the least share that they
      -- support. 1.96 standard deviations: one word in forty lies below.
      select c.*, (p + 1.96 ^ 2 / (2 * n) - 1.96 * sqrt(p * (1 - p) / n + 1.96 ^ 2 / (4 * n ^ 2))) / (1 + 1.96 ^ 2 / n) as least
        from candidates c cross join lateral (select c.photos / c.hits::double precision as p, c.hits::double precision as n) as share
    )
    select s.word, s.photos, s.hits, b.share::double precision
      from sure s join background b on b.lexeme = s.lexeme
     where s.least > b.share
     order by s.least * ln(s.least / b.share) desc, s.lexeme
     limit $5$sql$, counted_photos(of_model, query, labels, filters))
    using omitted, query, labels, filters, top, n, kind, min_score, text_configuration();
end $_$;

COMMENT ON FUNCTION public.shared_words(query public.vector, n integer, labels jsonb, filters jsonb, model text, top integer, min_score double precision, kind text, omitted text) IS 'Words that describe a result better than the collection: of the titles, descriptions and keywords of the photos that search_facets counts, at most n of them. Ordered by p ln(p / q), where p is the least share of these photos with the word that chance leaves (the lower end of the 95 % interval of Wilson), and q that of the collection, estimated from 2,000 photos; words with p below q are left out. A word stands for all with its stem, in the form that most photos have. photos: how many of the hits have it. omitted: words that are left out, such as those of the search.';

CREATE FUNCTION public.shown_words(of_model integer, shown jsonb) RETURNS public.halfvec
    LANGUAGE sql STABLE
    AS $$
  select l2_normalize(
    case jsonb_typeof(shown) when 'string' then prompt_embedding(shown #>> '{}', of_model::text)
         else vector_of_json(shown, (select m.dimension from models m where m.id = of_model)) end)::halfvec
$$;

COMMENT ON FUNCTION public.shown_words(of_model integer, shown jsonb) IS 'Part of shows_condition: the embedding of words, of a stored prompt or as numbers, in the precision of the photos.';

CREATE FUNCTION public.shows_condition(entry jsonb, n integer, of_model integer) RETURNS text
    LANGUAGE plpgsql STABLE
    AS $_$
declare
  shown constant jsonb := entry -> 'shows';
  of_set record;
begin
  if jsonb_typeof(shown) is null or jsonb_typeof(shown) not in ('string', 'array') then
    raise exception 'shows expects words whose embedding is stored, or an embedding of words, found %', left(shown::text, 80)
      using errcode = 'UC001';
  end if;
  if of_model is null then
    raise exception 'shows needs a model, and these photos are chosen without one' using errcode = 'UC001';
  end if;
  select s.version, s.cut::double precision as cut, coalesce(s.floor, -1)::double precision as floor, s.cut_by,
         exists (select from reference_texts t where t.version = s.version and not t.known) as knows_not_all
    into of_set
    from reference_sets s where s.model_id = of_model and s.state = 'current' and (s.cut is not null or s.cut_by = 'none');
  if of_set.cut_by = 'none' then
    raise exception 'No cut-off tells photos that show words from others with % in this collection. Leave out relevant, or set a least similarity. To try other reference texts: unsplash-clip models correct % --weight 0 --references FILE',
      (select m.name || '@' || m.precision from models m where m.id = of_model),
      (select m.name || '@' || m.precision from models m where m.id = of_model) using errcode = 'UC009';
  end if;
  if of_set.version is null then
    raise exception 'Photos are not compared with reference texts yet, so nothing tells which of them show words. Run: unsplash-clip models correct % --weight 0',
      (select m.name || '@' || m.precision from models m where m.id = of_model) using errcode = 'UC008';
  end if;
  -- What every photo must reach is looked at first, so that few are looked up. The words are one value of the statement.
  return format(
    ' and 1 - (e.embedding <=> (select shown_words(%1$s, $4 -> %2$s -> ''shows''))) >= %3$s'
    ' and 1 - (e.embedding <=> (select shown_words(%1$s, $4 -> %2$s -> ''shows''))) >= %4$s + greatest(%5$s, ('
    'select r.top_mean::double precision from reference_scores r where r.version = %6$s and r.photo_id = e.photo_id))',
    of_model, n, of_set.floor + of_set.cut, of_set.cut, of_set.floor, of_set.version)
    -- Once per search: no photo shows words that the model cannot tell from those that it does not know.
    || case when of_set.knows_not_all then format(
         ' and not exists (select from reference_texts t where t.version = %1$s and not t.known'
         ' and 1 - (t.embedding <=> (select shown_words(%2$s, $4 -> %3$s -> ''shows''))::vector) >= 0.99)',
         of_set.version, of_model, n) else '' end;
end $_$;

COMMENT ON FUNCTION public.shows_condition(entry jsonb, n integer, of_model integer) IS 'Part of search_conditions: photos that show what words say.';

CREATE FUNCTION public.similar_photos(photo_id text, k integer DEFAULT 10, skip integer DEFAULT 0, labels jsonb DEFAULT '[]'::jsonb, filters jsonb DEFAULT '[]'::jsonb, model text DEFAULT NULL::text, min_score double precision DEFAULT NULL::double precision, after_score double precision DEFAULT NULL::double precision, after_photo text DEFAULT NULL::text) RETURNS TABLE(rank bigint, similar_id text, score double precision, description text, photographer text, photo_url text)
    LANGUAGE plpgsql STABLE ROWS 50
    AS $$
declare
  of_model integer := model_id_of(model);
begin
  return query
    select hit.rank, hit.photo_id, hit.score,
           coalesce(p.photo_description, p.ai_description), p.photographer_username, p.photo_url
      from search_embeddings(
             of_model, embedding_of(of_model, similar_photos.photo_id), k, skip, labels, filters,
             similar_photos.photo_id, 'image', min_score, after_score, after_photo) as hit
      left join photos p on p.photo_id = hit.photo_id
     order by hit.rank;
end $$;

COMMENT ON FUNCTION public.similar_photos(photo_id text, k integer, skip integer, labels jsonb, filters jsonb, model text, min_score double precision, after_score double precision, after_photo text) IS 'Photos nearest to an embedded photo, which is left out. The other parameters are those of search_photos.';

CREATE FUNCTION public.stored_prompt(of_model integer, prompt text) RETURNS public.vector
    LANGUAGE sql STABLE
    AS $$
  select embedding from (
    select p.embedding, 1 as place from prompt_embeddings p
     where p.model_id = stored_prompt.of_model and p.prompt = stored_prompt.prompt
    union all
    select l.embedding, 2 from label_prompts l
     where l.model_id = stored_prompt.of_model and l.prompt = stored_prompt.prompt
    order by place limit 1) as found
$$;

COMMENT ON FUNCTION public.stored_prompt(of_model integer, prompt text) IS 'The embedding of a prompt in normal form, stored by itself or as the prompt of a label; null when there is none.';

CREATE FUNCTION public.sweep_labels() RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
  swept bigint;
begin
  delete from label_ranges r where not exists (select from label_definitions d where d.version = r.version);
  with recursive known as (
    select min(version) as version from label_rows
    union all
    select (select min(l.version) from label_rows l where l.version > known.version) from known where known.version is not null
  )
  delete from label_rows l where l.version = any (array(
    select version from known
    except select version from label_sets
    except select version from label_changes));
  get diagnostics swept = row_count;
  return swept;
end $$;

COMMENT ON FUNCTION public.sweep_labels() IS 'Deletes labels of versions that no longer exist. Readers do not see them.';

CREATE FUNCTION public.sweep_reference_scores() RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
  swept bigint;
begin
  with recursive known as (
    select min(version) as version from reference_scores
    union all
    select (select min(s.version) from reference_scores s where s.version > known.version) from known where known.version is not null
  )
  delete from reference_scores s where s.version = any (array(select version from known except select version from reference_sets));
  get diagnostics swept = row_count;
  return swept;
end $$;

COMMENT ON FUNCTION public.sweep_reference_scores() IS 'Deletes results of reference sets that no longer exist. Searches do not see them.';

CREATE FUNCTION public.table_condition(entry jsonb, n integer, subject text) RETURNS text
    LANGUAGE plpgsql STABLE
    AS $_$
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
      -- The third service gives no number: it found or confirmed the keyword, or it did not.
      format(' and (greatest(t.ai_service_1_confidence, t.ai_service_2_confidence) >= ($4 -> %s ->> ''min_confidence'')::double precision'
             ' or t.suggested_by_ai_service_3 or t.confirmed_by_ai_service_3)', n)
    end);
end $_$;

COMMENT ON FUNCTION public.table_condition(entry jsonb, n integer, subject text) IS 'Part of search_conditions: a keyword, a collection or a color of the datasets tables.';

CREATE FUNCTION public.text_array(list jsonb) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
  select array(select jsonb_array_elements_text(list))
$$;

COMMENT ON FUNCTION public.text_array(list jsonb) IS 'Part of search_conditions: a JSON array as texts. Immutable, so that the planner sees its length.';

CREATE FUNCTION public.text_configuration() RETURNS regconfig
    LANGUAGE sql STABLE
    AS $$
  select quote_ident(language)::regconfig from text_language
$$;

COMMENT ON FUNCTION public.text_configuration() IS 'The text search configuration of text_language.';

CREATE FUNCTION public.text_query(prompt text) RETURNS tsquery
    LANGUAGE plpgsql STABLE
    AS $$
declare
  result tsquery;
begin
  -- What prompts may have, too. Reading a query takes time by the square of its length.
  if octet_length(prompt) > 2000 then
    raise exception 'a prompt of at most 2000 bytes expected, found % beginning "%"', octet_length(prompt), left(prompt, 40)
      using errcode = 'UC005';
  end if;
  result := websearch_to_tsquery(text_configuration(), coalesce(prompt, ''));
  -- 'T': what only rules words out, or may match without any word, says nothing on how well a photo fits.
  return case when querytree(result) in ('', 'T') then null else result end;
end $$;

COMMENT ON FUNCTION public.text_query(prompt text) IS 'A prompt as a full text query, in the language of text_language: all words, "a phrase", or, -without. Null when it has nothing to search for.';

CREATE FUNCTION public.unit_vector() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
  length double precision := vector_norm(new.embedding::vector);
  model_dimension integer := (select m.dimension from models m where m.id = new.model_id);
begin
  if vector_dims(new.embedding) <> model_dimension then
    raise exception 'a vector of % numbers expected, as model % makes them, found %', model_dimension, new.model_id,
      vector_dims(new.embedding) using errcode = 'UC005';
  end if;
  if length = 0 then
    raise exception 'a vector with a direction expected, found only zeros' using errcode = 'UC005';
  end if;
  if not length between 0.999 and 1.001 then
    new.embedding := l2_normalize(new.embedding);
  end if;
  return new;
end $$;

COMMENT ON FUNCTION public.unit_vector() IS 'Trigger: scales an embedding to unit length; only its direction counts. One that has it within a thousandth stays as it is. Refuses zeros and a wrong number of numbers.';

CREATE FUNCTION public.use_correction(weight double precision, model text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
  of_model constant integer := model_id_of(model);
begin
  if (weight between 0 and 2) is not true then
    raise exception 'weight must be a number from 0 to 2, found %', coalesce(weight::text, 'null') using errcode = 'UC005';
  end if;
  update reference_sets s set weight = use_correction.weight where s.model_id = of_model and s.state = 'current';
  if not found and weight > 0 then
    raise exception 'Photos are not compared with reference texts yet. Run: unsplash-clip models correct %',
      (select m.name || '@' || m.precision from models m where m.id = of_model) using errcode = 'UC003';
  end if;
end $$;

COMMENT ON FUNCTION public.use_correction(weight double precision, model text) IS 'Sets the weight of the correction in searches by words that name none. 0: hits are ordered by their scores.';

CREATE FUNCTION public.use_search_model(model text) RETURNS integer
    LANGUAGE plpgsql
    AS $$
declare
  chosen integer;
begin
  if use_search_model.model is null then
    delete from search_model;
    return searched_model_id();
  end if;
  chosen := model_id_of(use_search_model.model);
  if not exists (select from embeddings e where e.model_id = chosen) then
    raise exception 'No photo is embedded with % yet, so searches would find nothing. Ingest with it first.', use_search_model.model
      using errcode = 'UC002';
  end if;
  insert into search_model (model_id) values (chosen)
  on conflict (single) do update set model_id = excluded.model_id, chosen_at = now()
    where search_model.model_id <> excluded.model_id;
  return chosen;
end $$;

COMMENT ON FUNCTION public.use_search_model(model text) IS 'Makes this model the one for searches that name none, from the end of this transaction on. Null: the model of the newest run again. Returns its id.';

CREATE FUNCTION public.use_text_language(language text) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
begin
  if not exists (select from pg_ts_config c where c.cfgname = use_text_language.language and pg_ts_config_is_visible(c.oid)) then
    raise exception 'there is no text search configuration %; known: %', coalesce(use_text_language.language, 'null'),
      (select string_agg(cfgname, ', ' order by cfgname) from pg_ts_config c where pg_ts_config_is_visible(c.oid))
      using errcode = 'UC005';
  end if;
  lock table photo_texts in share row exclusive mode;
  update text_language set language = use_text_language.language;
  return rewrite_photo_texts();
end $$;

COMMENT ON FUNCTION public.use_text_language(language text) IS 'Sets the text search configuration for storing and finding words: english (stems, no stop words), simple (every word as it is) or another one of this server. Computes all words again; returns for how many photos they changed.';

CREATE FUNCTION public.vector_of_json(numbers jsonb, wanted_dimension integer) RETURNS public.vector
    LANGUAGE plpgsql IMMUTABLE
    AS $$
declare
  result vector;
begin
  result := array(select jsonb_array_elements_text(numbers)::real)::vector;
  if vector_dims(result) <> wanted_dimension then
    raise exception 'a vector of % numbers expected, as the model''s embeddings are, found %', wanted_dimension, vector_dims(result)
      using errcode = 'UC005';
  end if;
  if vector_norm(result) = 0 then
    raise exception 'a vector with a direction expected, found only zeros' using errcode = 'UC005';
  end if;
  return result;
exception when data_exception then
  raise exception 'a vector of % numbers in single precision expected, found %', wanted_dimension, left(numbers::text, 80)
    using errcode = 'UC005';
end $$;

COMMENT ON FUNCTION public.vector_of_json(numbers jsonb, wanted_dimension integer) IS 'Part of combine: a JSON array of numbers as a vector.';

CREATE FUNCTION public.write_photo_texts(photo_ids text[]) RETURNS void
    LANGUAGE plpgsql
    SET jit TO 'off'
    AS $$
declare
  configuration constant regconfig := text_configuration();
begin
  if cardinality(photo_ids) = 0 then
    return;
  end if;
  -- Two transactions may write the description and the keywords of one photo. The second waits here, and computes what it
  -- sees then. Always in the order of the ids, so that the two cannot deadlock.
  insert into photo_texts (photo_id)
  select distinct id from unnest(photo_ids) as given (id) order by id on conflict (photo_id) do nothing;
  perform from photo_texts t where t.photo_id = any (photo_ids) order by t.photo_id for update;
  -- The array restricts a column of a table: the collation of what photo_words returns fits no index, and a plan for any
  -- array would compare every row of photo_texts with every id. offset 0: computed once, not for the comparison and again.
  update photo_texts t set words = now_is.words
    from photo_texts given
   cross join lateral (
     select w.words from photo_words(configuration) w where w.photo_id = given.photo_id offset 0) as now_is
   where given.photo_id = any (photo_ids) and t.photo_id = given.photo_id and t.words <> now_is.words;
end $$;

COMMENT ON FUNCTION public.write_photo_texts(photo_ids text[]) IS 'Computes the words of these photos again.';

CREATE TABLE public.api_keys (
    id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    scope text NOT NULL,
    digest bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT api_keys_digest_check CHECK ((length(digest) = 32)),
    CONSTRAINT api_keys_id_check CHECK ((id ~ '^[0-9a-f]{8}$'::text)),
    CONSTRAINT api_keys_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT api_keys_scope_check CHECK ((scope = ANY (ARRAY['read'::text, 'ingest'::text, 'admin'::text])))
);

COMMENT ON TABLE public.api_keys IS 'Keys of the HTTP API.';

COMMENT ON COLUMN public.api_keys.id IS 'The part of the key that is shown: it follows uc_ and identifies the key.';

COMMENT ON COLUMN public.api_keys.name IS 'Name of the key for people; unique among the keys that are not revoked.';

COMMENT ON COLUMN public.api_keys.scope IS 'What the key may do: read, ingest (also reads) or admin (also ingests).';

COMMENT ON COLUMN public.api_keys.digest IS 'SHA-256 of the whole key.';

COMMENT ON COLUMN public.api_keys.created_at IS 'When the key was created.';

COMMENT ON COLUMN public.api_keys.expires_at IS 'From when on the key is refused; null: never.';

COMMENT ON COLUMN public.api_keys.last_used_at IS 'When a request was last made with the key, to the minute; null: never.';

COMMENT ON COLUMN public.api_keys.revoked_at IS 'When the key was revoked; null: it is not.';

CREATE TABLE public.batches (
    id text NOT NULL,
    run_id text NOT NULL,
    model_id integer NOT NULL,
    photo_ids text[] NOT NULL,
    photo_count integer NOT NULL,
    done_count integer DEFAULT 0 NOT NULL,
    failed_count integer DEFAULT 0 NOT NULL,
    settled_at timestamp with time zone,
    dropped_at timestamp with time zone,
    given_up_at timestamp with time zone,
    given_up_code text,
    given_up_message text,
    open_since timestamp with time zone DEFAULT now() NOT NULL,
    kind text DEFAULT 'originals'::text NOT NULL,
    CONSTRAINT batches_kind_check CHECK ((kind = ANY (ARRAY['originals'::text, 'copies'::text, 'refresh'::text])))
);

COMMENT ON TABLE public.batches IS 'Photos that travel through the queue together. The counts are computed from embeddings and failures, never incremented.';

COMMENT ON COLUMN public.batches.id IS 'Derived from the contents, so the same photos make the same batch.';

COMMENT ON COLUMN public.batches.run_id IS 'The run that asks for the batch now.';

COMMENT ON COLUMN public.batches.model_id IS 'The model that embeds its photos.';

COMMENT ON COLUMN public.batches.photo_ids IS 'Its photos.';

COMMENT ON COLUMN public.batches.photo_count IS 'Number of its photos.';

COMMENT ON COLUMN public.batches.done_count IS 'Photos that are embedded.';

COMMENT ON COLUMN public.batches.failed_count IS 'Photos that failed permanently.';

COMMENT ON COLUMN public.batches.settled_at IS 'When all photos were embedded or had failed; null before.';

COMMENT ON COLUMN public.batches.dropped_at IS 'When a worker dropped the batch because its run was cancelled.';

COMMENT ON COLUMN public.batches.given_up_at IS 'When the queue gave the batch up, after its last delivery was rejected.';

COMMENT ON COLUMN public.batches.given_up_code IS 'Error code of the last rejection.';

COMMENT ON COLUMN public.batches.given_up_message IS 'The last rejection, for people.';

COMMENT ON COLUMN public.batches.open_since IS 'When the batch was recorded, or last became open again: after it was settled, dropped or given up.';

COMMENT ON COLUMN public.batches.kind IS 'What is embedded: the original images, their stored copies, or the originals of embedded photos if they have changed.';

CREATE TABLE public.copy_folders (
    folder text NOT NULL COLLATE pg_catalog."C"
);

COMMENT ON TABLE public.copy_folders IS 'Folders of the object store in which compressed copies were stored, one per combination of COPY_HEIGHT and COPY_QUALITY: h512-q65.';

COMMENT ON COLUMN public.copy_folders.folder IS 'First part of the keys of such copies, without the slash.';

CREATE TABLE public.embeddings (
    model_id integer NOT NULL,
    photo_id text NOT NULL COLLATE pg_catalog."C",
    embedding public.halfvec NOT NULL,
    stored_key text,
    created_at timestamp with time zone DEFAULT now() NOT NULL
)
PARTITION BY LIST (model_id);

COMMENT ON TABLE public.embeddings IS 'One vector per photo and model, in half precision. register_model creates a partition embeddings_m<ID> per model.';

COMMENT ON COLUMN public.embeddings.model_id IS 'The model that made the vector.';

COMMENT ON COLUMN public.embeddings.photo_id IS 'The photo.';

COMMENT ON COLUMN public.embeddings.embedding IS 'The vector, in half precision. Compare it with <=> (cosine distance).';

COMMENT ON COLUMN public.embeddings.stored_key IS 'Key of the compressed copy in the object store; null when no copy is kept.';

COMMENT ON COLUMN public.embeddings.created_at IS 'When the photo was first embedded.';

CREATE TABLE public.failures (
    model_id integer NOT NULL,
    photo_id text NOT NULL COLLATE pg_catalog."C",
    code text NOT NULL,
    message text NOT NULL,
    attempts integer NOT NULL,
    failed_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE public.failures IS 'Photos that failed permanently, with a stable error code. A photo that is embedded has no row here.';

COMMENT ON COLUMN public.failures.model_id IS 'The model the photo was to be embedded with.';

COMMENT ON COLUMN public.failures.photo_id IS 'The photo.';

COMMENT ON COLUMN public.failures.code IS 'Stable error code, such as HTTP_404.';

COMMENT ON COLUMN public.failures.message IS 'The error, for people.';

COMMENT ON COLUMN public.failures.attempts IS 'How often the photo was tried.';

COMMENT ON COLUMN public.failures.failed_at IS 'When the last attempt failed.';

CREATE TABLE public.image_regions (
    model_id integer NOT NULL,
    centre public.vector NOT NULL,
    lowest double precision NOT NULL,
    highest double precision NOT NULL,
    photos bigint NOT NULL,
    measured_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE public.image_regions IS 'The mean direction of a model''s photos, and how similar photos are to it; query_kind compares queries with it. A trigger on search_settings measures it.';

COMMENT ON COLUMN public.image_regions.model_id IS 'The model.';

COMMENT ON COLUMN public.image_regions.centre IS 'Mean direction of a sample of photos, of unit length.';

COMMENT ON COLUMN public.image_regions.lowest IS 'Cosine similarity to centre of which 5 % of the sample have less.';

COMMENT ON COLUMN public.image_regions.highest IS 'Cosine similarity to centre of which 5 % of the sample have more.';

COMMENT ON COLUMN public.image_regions.photos IS 'Number of photos in the sample.';

COMMENT ON COLUMN public.image_regions.measured_at IS 'When it was measured.';

CREATE TABLE public.imports (
    model_id integer NOT NULL,
    digest bytea NOT NULL,
    source text NOT NULL,
    rows_done bigint DEFAULT 0 NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT imports_digest_check CHECK ((length(digest) = 32)),
    CONSTRAINT imports_rows_done_check CHECK ((rows_done >= 0))
);

COMMENT ON TABLE public.imports IS 'Imports of vectors that were made elsewhere, one row per model and input. That the model made the vectors is what the user says.';

COMMENT ON COLUMN public.imports.model_id IS 'The model that the vectors are of, in the revision that is known here.';

COMMENT ON COLUMN public.imports.digest IS 'SHA-256 of what identifies the input: names, sizes and times of its files, and the options that say how to read it.';

COMMENT ON COLUMN public.imports.source IS 'The input as it was given, for people.';

COMMENT ON COLUMN public.imports.rows_done IS 'Rows of the input that are dealt with, bad ones included. An import that was stopped continues there.';

COMMENT ON COLUMN public.imports.started_at IS 'When the import began; of one that is repeated, the last time.';

COMMENT ON COLUMN public.imports.finished_at IS 'When it was done; null: it was stopped, or is under way.';

CREATE TABLE public.models (
    id integer NOT NULL,
    name text NOT NULL,
    "precision" text NOT NULL,
    revision text NOT NULL,
    dimension integer NOT NULL,
    logit_scale double precision NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    scoring text DEFAULT 'softmax'::text NOT NULL,
    logit_bias double precision DEFAULT 0 NOT NULL,
    CONSTRAINT models_dimension_check CHECK (((dimension >= 1) AND (dimension <= 16000))),
    CONSTRAINT models_logit_bias_check CHECK (((logit_bias >= ('-1000000'::numeric)::double precision) AND (logit_bias <= ('1000000'::numeric)::double precision))),
    CONSTRAINT models_logit_scale_check CHECK ((logit_scale > (0)::double precision)),
    CONSTRAINT models_logit_scale_check1 CHECK ((logit_scale <= ('1000000'::numeric)::double precision)),
    CONSTRAINT models_name_check CHECK (((name ~ '[^0-9]'::text) AND (name !~ '@'::text))),
    CONSTRAINT models_precision_check CHECK (("precision" <> ''::text)),
    CONSTRAINT models_scoring_check CHECK ((scoring = ANY (ARRAY['softmax'::text, 'sigmoid'::text])))
);

COMMENT ON TABLE public.models IS 'The models that made the embeddings: name, precision of the weights, pinned revision. People write name@precision.';

COMMENT ON COLUMN public.models.id IS 'Names the partition of embeddings: embeddings_m<ID>.';

COMMENT ON COLUMN public.models.name IS 'Name of the model, such as clip-vit-b-32.';

COMMENT ON COLUMN public.models."precision" IS 'Precision of the weights: fp32, fp16, int8.';

COMMENT ON COLUMN public.models.revision IS 'Pinned revision of the model files.';

COMMENT ON COLUMN public.models.dimension IS 'Numbers per embedding.';

COMMENT ON COLUMN public.models.logit_scale IS 'Factor from cosine similarity to logit when labels are scored.';

COMMENT ON COLUMN public.models.created_at IS 'When the model was first registered.';

COMMENT ON COLUMN public.models.scoring IS 'How label scores follow from logits (logit_scale x cosine similarity + logit_bias): softmax over all labels of the set, or the sigmoid of each.';

COMMENT ON COLUMN public.models.logit_bias IS 'Added to each logit; 0 for softmax models.';

CREATE VIEW public.index_status AS
 SELECT m.id AS model_id,
    ((m.name || '@'::text) || m."precision") AS model,
    i.relname AS index_name,
    a.amname AS method,
        CASE
            WHEN x.indisvalid THEN 'ready'::text
            WHEN (working.pid IS NOT NULL) THEN 'building'::text
            ELSE 'invalid'::text
        END AS state,
    i.reloptions AS options,
    pg_relation_size((i.oid)::regclass) AS bytes,
    working.pid,
    progress.phase,
    round((100.0 * COALESCE(((progress.tuples_done)::numeric / (NULLIF(progress.tuples_total, 0))::numeric), ((progress.blocks_done)::numeric / (NULLIF(progress.blocks_total, 0))::numeric))), 1) AS percent,
    ("substring"(obj_description(i.oid, 'pg_class'::name), '^Built over ([0-9]+) photos'::text))::bigint AS photos_at_build,
    ( SELECT count(*) AS count
           FROM public.embeddings e
          WHERE (e.model_id = m.id)) AS photos
   FROM (((((public.models m
     JOIN pg_index x ON ((x.indrelid = (to_regclass(('embeddings_m'::text || m.id)))::oid)))
     JOIN pg_class i ON ((i.oid = x.indexrelid)))
     JOIN pg_am a ON (((a.oid = i.relam) AND (a.amname = ANY (ARRAY['ivfflat'::name, 'hnsw'::name])))))
     LEFT JOIN LATERAL ( SELECT min(l.pid) AS pid
           FROM pg_locks l
          WHERE ((NOT x.indisvalid) AND (l.locktype = 'advisory'::text) AND (l.objsubid = 2) AND l.granted AND (l.database = ( SELECT pg_database.oid
                   FROM pg_database
                  WHERE (pg_database.datname = current_database()))) AND (l.classid = (1668049256)::oid) AND (l.objid = (m.id)::oid))) working ON (true))
     LEFT JOIN pg_stat_progress_create_index progress ON ((progress.index_relid = i.oid)));

COMMENT ON VIEW public.index_status IS 'Vector indexes of each model: ready, building, or invalid (left by an interrupted build and useless). A ready index holds every photo; the lists of an ivfflat index suit the photos that existed when it was built.';

COMMENT ON COLUMN public.index_status.model_id IS 'Id of the model.';

COMMENT ON COLUMN public.index_status.model IS 'The model, as name@precision.';

COMMENT ON COLUMN public.index_status.index_name IS 'Name of the index.';

COMMENT ON COLUMN public.index_status.method IS 'ivfflat or hnsw.';

COMMENT ON COLUMN public.index_status.state IS 'ready, building or invalid.';

COMMENT ON COLUMN public.index_status.options IS 'Its parameters, such as lists=100.';

COMMENT ON COLUMN public.index_status.bytes IS 'Its size on disk.';

COMMENT ON COLUMN public.index_status.pid IS 'Server process that builds it.';

COMMENT ON COLUMN public.index_status.phase IS 'Phase of the build.';

COMMENT ON COLUMN public.index_status.percent IS 'Progress of that phase, in percent.';

COMMENT ON COLUMN public.index_status.photos_at_build IS 'Photos when it was built.';

COMMENT ON COLUMN public.index_status.photos IS 'Photos now.';

CREATE TABLE public.label_examples (
    model_id integer NOT NULL,
    set_name text NOT NULL,
    photo_id text NOT NULL COLLATE pg_catalog."C",
    label text NOT NULL
);

COMMENT ON TABLE public.label_examples IS 'Photos that a label was taught with. Teaching it again adds to them.';

COMMENT ON COLUMN public.label_examples.model_id IS 'The model whose embeddings were used.';

COMMENT ON COLUMN public.label_examples.set_name IS 'Name of the label set.';

COMMENT ON COLUMN public.label_examples.photo_id IS 'The photo.';

COMMENT ON COLUMN public.label_examples.label IS 'The label that the photo has, as people said.';

CREATE TABLE public.label_marks (
    photo_id text NOT NULL COLLATE pg_catalog."C",
    model_id integer NOT NULL,
    set_name text NOT NULL,
    label text NOT NULL,
    correct boolean NOT NULL,
    at_random boolean NOT NULL,
    marked_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE public.label_marks IS 'Predicted labels that people marked as right or wrong. Marks from before the current definition of a set (label_sets.created_at) are kept and no longer counted.';

COMMENT ON COLUMN public.label_marks.photo_id IS 'The photo.';

COMMENT ON COLUMN public.label_marks.model_id IS 'The model that predicted the label.';

COMMENT ON COLUMN public.label_marks.set_name IS 'Name of the label set.';

COMMENT ON COLUMN public.label_marks.label IS 'The predicted label.';

COMMENT ON COLUMN public.label_marks.correct IS 'Whether the photo shows what the label says.';

COMMENT ON COLUMN public.label_marks.at_random IS 'Whether the photo was drawn at random. Only such marks measure the precision: photos of the lowest scores would make it too small.';

COMMENT ON COLUMN public.label_marks.marked_at IS 'When it was last marked.';

CREATE TABLE public.label_rows (
    version integer NOT NULL,
    model_id integer NOT NULL,
    set_name text NOT NULL,
    photo_id text NOT NULL COLLATE pg_catalog."C",
    label text NOT NULL,
    score real NOT NULL,
    scores real[] NOT NULL
);

COMMENT ON TABLE public.label_rows IS 'The label of each photo under each version of a label set. Read photo_labels, which has the current versions only.';

COMMENT ON COLUMN public.label_rows.version IS 'Version of the definition.';

COMMENT ON COLUMN public.label_rows.model_id IS 'The model.';

COMMENT ON COLUMN public.label_rows.set_name IS 'Name of the label set.';

COMMENT ON COLUMN public.label_rows.photo_id IS 'The photo.';

COMMENT ON COLUMN public.label_rows.label IS 'The label with the largest logit.';

COMMENT ON COLUMN public.label_rows.score IS 'Score of that label.';

COMMENT ON COLUMN public.label_rows.scores IS 'Scores of all labels, in the order of the set.';

CREATE VIEW public.label_progress AS
 SELECT ((m.name || '@'::text) || m."precision") AS model,
    d.model_id,
    d.set_name,
    d.state,
    d.version,
    ( SELECT count(*) AS count
           FROM public.embeddings e
          WHERE (e.model_id = d.model_id)) AS photos,
    ( SELECT count(*) AS count
           FROM public.label_rows l
          WHERE (l.version = d.version)) AS labelled
   FROM (public.label_definitions d
     JOIN public.models m ON ((m.id = d.model_id)));

COMMENT ON VIEW public.label_progress IS 'Number of embedded photos, and how many of them have a label, for each definition in use.';

COMMENT ON COLUMN public.label_progress.model IS 'The model, as name@precision.';

COMMENT ON COLUMN public.label_progress.model_id IS 'Id of the model.';

COMMENT ON COLUMN public.label_progress.set_name IS 'Name of the label set.';

COMMENT ON COLUMN public.label_progress.state IS 'current or coming.';

COMMENT ON COLUMN public.label_progress.version IS 'Version of the definition.';

COMMENT ON COLUMN public.label_progress.photos IS 'Embedded photos.';

COMMENT ON COLUMN public.label_progress.labelled IS 'Photos with a label under this definition.';

CREATE TABLE public.label_ranges (
    version integer NOT NULL,
    first_block bigint NOT NULL,
    end_block bigint NOT NULL
);

COMMENT ON TABLE public.label_ranges IS 'Ranges of disk blocks of a model''s embeddings whose photos still need labels. A session that labels a range deletes its row in the same transaction.';

COMMENT ON COLUMN public.label_ranges.version IS 'Version of the definition.';

COMMENT ON COLUMN public.label_ranges.first_block IS 'First block of the range.';

COMMENT ON COLUMN public.label_ranges.end_block IS 'First block after the range.';

CREATE VIEW public.photo_labels AS
 SELECT label_rows.model_id,
    label_rows.set_name,
    label_rows.photo_id,
    label_rows.label,
    label_rows.score,
    label_rows.scores
   FROM public.label_rows
  WHERE (label_rows.version = ANY (ARRAY( SELECT label_sets.version
           FROM public.label_sets)));

COMMENT ON VIEW public.photo_labels IS 'The label of each photo in each label set: the one with the largest logit, which has the highest score.';

COMMENT ON COLUMN public.photo_labels.model_id IS 'Id of the model.';

COMMENT ON COLUMN public.photo_labels.set_name IS 'Name of the label set.';

COMMENT ON COLUMN public.photo_labels.photo_id IS 'The photo.';

COMMENT ON COLUMN public.photo_labels.label IS 'The label.';

COMMENT ON COLUMN public.photo_labels.score IS 'Score of the label.';

COMMENT ON COLUMN public.photo_labels.scores IS 'Scores of all labels, in the order of the set. Of a softmax model they add up to 1; those of a sigmoid model are independent of each other.';

CREATE VIEW public.labelled_photos AS
 SELECT l.photo_id,
    ((m.name || '@'::text) || m."precision") AS model,
    l.model_id,
    jsonb_object_agg(l.set_name, l.label) AS labels,
    jsonb_object_agg(l.set_name, l.score) AS scores
   FROM (public.photo_labels l
     JOIN public.models m ON ((m.id = l.model_id)))
  GROUP BY l.photo_id, m.name, m."precision", l.model_id;

COMMENT ON VIEW public.labelled_photos IS 'One row per photo and model: its label in every label set, and the score of that label.';

COMMENT ON COLUMN public.labelled_photos.photo_id IS 'The photo.';

COMMENT ON COLUMN public.labelled_photos.model IS 'The model, as name@precision.';

COMMENT ON COLUMN public.labelled_photos.model_id IS 'Id of the model.';

COMMENT ON COLUMN public.labelled_photos.labels IS 'Label by set: {"taken_time": "night"}.';

COMMENT ON COLUMN public.labelled_photos.scores IS 'Score of that label by set.';

ALTER TABLE public.models ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.models_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.runs (
    id text NOT NULL,
    "position" bigint NOT NULL,
    model_id integer NOT NULL,
    source text NOT NULL,
    options jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    enqueued_at timestamp with time zone,
    control text DEFAULT 'active'::text NOT NULL,
    priority text DEFAULT 'normal'::text NOT NULL,
    label_sets jsonb DEFAULT '[]'::jsonb NOT NULL,
    producer_seen_at timestamp with time zone,
    CONSTRAINT runs_control_check CHECK ((control = ANY (ARRAY['active'::text, 'paused'::text, 'cancelled'::text]))),
    CONSTRAINT runs_priority_check CHECK ((priority = ANY (ARRAY['high'::text, 'normal'::text, 'low'::text])))
);

COMMENT ON TABLE public.runs IS 'One row per ingest. run_progress shows how far each one is.';

COMMENT ON COLUMN public.runs.id IS 'Id of the run: its start time and four random characters.';

COMMENT ON COLUMN public.runs."position" IS 'Order in which runs were created.';

COMMENT ON COLUMN public.runs.model_id IS 'The model that embeds its photos.';

COMMENT ON COLUMN public.runs.source IS 'Where its photos come from: a file, a folder or a URL list.';

COMMENT ON COLUMN public.runs.options IS 'Options of the command that started the run.';

COMMENT ON COLUMN public.runs.created_at IS 'When the run was created.';

COMMENT ON COLUMN public.runs.enqueued_at IS 'When the producer had added all batches; null while it still adds some.';

COMMENT ON COLUMN public.runs.control IS 'The requested state: active, paused, or cancelled (permanently). Workers read it with every batch.';

COMMENT ON COLUMN public.runs.priority IS 'Priority of its batches in the queue: high, normal, low.';

COMMENT ON COLUMN public.runs.label_sets IS 'Definitions of the label sets when the run was started: [{"name", "template", "labels"}].';

COMMENT ON COLUMN public.runs.producer_seen_at IS 'When its producer last reported, every 10 seconds; null after it has done its part; -infinity after it ended before.';

CREATE VIEW public.open_batches AS
 SELECT b.id AS batch_id,
    b.run_id,
    ((m.name || '@'::text) || m."precision") AS model,
    b.model_id,
    ((b.photo_count - b.done_count) - b.failed_count) AS photos
   FROM ((public.batches b
     JOIN public.runs r ON ((r.id = b.run_id)))
     JOIN public.models m ON ((m.id = b.model_id)))
  WHERE ((b.settled_at IS NULL) AND (b.given_up_at IS NULL) AND (r.control = 'active'::text));

COMMENT ON VIEW public.open_batches IS 'Batches that workers still have to process, in the queue or in work: the number to scale workers by.';

COMMENT ON COLUMN public.open_batches.batch_id IS 'The batch.';

COMMENT ON COLUMN public.open_batches.run_id IS 'The run that asks for it.';

COMMENT ON COLUMN public.open_batches.model IS 'The model, as name@precision.';

COMMENT ON COLUMN public.open_batches.model_id IS 'Id of the model.';

COMMENT ON COLUMN public.open_batches.photos IS 'Photos that are neither embedded nor failed.';

CREATE TABLE public.workers (
    id text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    model text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    embedded bigint NOT NULL,
    failed bigint NOT NULL,
    photos_per_second real NOT NULL,
    in_hand jsonb NOT NULL,
    trouble text
);

COMMENT ON TABLE public.workers IS 'One row per worker process: its last report. A worker seen within the last 30 seconds is alive; one that ends normally deletes its row.';

COMMENT ON COLUMN public.workers.id IS 'Id of the worker.';

COMMENT ON COLUMN public.workers.host IS 'Name of its machine.';

COMMENT ON COLUMN public.workers.pid IS 'Process id on that machine.';

COMMENT ON COLUMN public.workers.model IS 'The model it was started with, as name@precision.';

COMMENT ON COLUMN public.workers.started_at IS 'When it started.';

COMMENT ON COLUMN public.workers.seen_at IS 'When it last reported.';

COMMENT ON COLUMN public.workers.embedded IS 'Photos it has embedded since it started.';

COMMENT ON COLUMN public.workers.failed IS 'Photos that have failed permanently since it started.';

COMMENT ON COLUMN public.workers.photos_per_second IS 'Photos settled per second, recently.';

COMMENT ON COLUMN public.workers.in_hand IS 'Photos it is working on, by run: {"20261123091500-a1b2": 128}.';

COMMENT ON COLUMN public.workers.trouble IS 'Why it is waiting, such as an unreachable service; null when all is well.';

CREATE VIEW public.monitoring AS
 SELECT ( SELECT count(*) AS count
           FROM public.open_batches) AS open_batches,
    COALESCE(( SELECT (EXTRACT(epoch FROM (now() - min(b.open_since))))::double precision AS "extract"
           FROM (public.open_batches o
             JOIN public.batches b ON ((b.id = o.batch_id)))), (0)::double precision) AS oldest_batch_seconds,
    ( SELECT count(*) AS count
           FROM public.batches
          WHERE ((batches.settled_at IS NULL) AND (batches.given_up_at IS NOT NULL))) AS given_up_batches,
    ( SELECT count(*) AS count
           FROM public.workers
          WHERE (workers.seen_at > (now() - '00:00:30'::interval))) AS alive_workers;

COMMENT ON VIEW public.monitoring IS 'One row of numbers for alerts (infra/prometheus): what is left to do, and whether anybody does it.';

COMMENT ON COLUMN public.monitoring.open_batches IS 'Batches that workers still have to process; see the view open_batches.';

COMMENT ON COLUMN public.monitoring.oldest_batch_seconds IS 'Seconds since the oldest of them became open; 0 when there is none.';

COMMENT ON COLUMN public.monitoring.given_up_batches IS 'Batches that the queue gave up and that are not settled.';

COMMENT ON COLUMN public.monitoring.alive_workers IS 'Worker processes that reported within the last 30 seconds.';

CREATE TABLE public.parked_batches (
    id text NOT NULL,
    batch_id text NOT NULL,
    run_id text NOT NULL,
    batch jsonb NOT NULL,
    parked_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE public.parked_batches IS 'Batches that workers received while their run was paused, as they were in the queue. "run resume" puts them back there.';

COMMENT ON COLUMN public.parked_batches.id IS 'Id of the job in the queue.';

COMMENT ON COLUMN public.parked_batches.batch_id IS 'The batch.';

COMMENT ON COLUMN public.parked_batches.run_id IS 'The run that is paused.';

COMMENT ON COLUMN public.parked_batches.batch IS 'The job as it was in the queue.';

COMMENT ON COLUMN public.parked_batches.parked_at IS 'When it was last parked. A session that puts it back deletes the row only if this has not changed.';

CREATE TABLE public.photo_collections (
    photo_id text NOT NULL COLLATE pg_catalog."C",
    collection_id text NOT NULL COLLATE pg_catalog."C",
    collection_title text COLLATE pg_catalog."C",
    photo_collected_at timestamp without time zone,
    collection_type text
);

COMMENT ON TABLE public.photo_collections IS 'collections.tsv of the Unsplash dataset: one row per photo and collection. Load it with: unsplash-clip ingest --table collections.';

COMMENT ON COLUMN public.photo_collections.photo_id IS 'The photo; it need not be in photos.';

COMMENT ON COLUMN public.photo_collections.collection_id IS 'Id of the collection: a number in older releases, letters and digits in newer ones.';

COMMENT ON COLUMN public.photo_collections.collection_title IS 'Title of the collection.';

COMMENT ON COLUMN public.photo_collections.photo_collected_at IS 'When the photo was added. The dataset names no time zone.';

COMMENT ON COLUMN public.photo_collections.collection_type IS 'collection or topic; from release 1.4.0 on.';

CREATE TABLE public.photo_colors (
    photo_id text NOT NULL COLLATE pg_catalog."C",
    hex text NOT NULL COLLATE pg_catalog."C",
    red smallint,
    green smallint,
    blue smallint,
    keyword text COLLATE pg_catalog."C",
    ai_coverage double precision,
    ai_score double precision,
    CONSTRAINT photo_colors_blue_check CHECK (((blue >= 0) AND (blue <= 255))),
    CONSTRAINT photo_colors_green_check CHECK (((green >= 0) AND (green <= 255))),
    CONSTRAINT photo_colors_hex_check CHECK ((hex ~ '^[0-9A-F]{6}$'::text)),
    CONSTRAINT photo_colors_red_check CHECK (((red >= 0) AND (red <= 255)))
);

COMMENT ON TABLE public.photo_colors IS 'colors.tsv of the Unsplash dataset: one row per photo and major color. Load it with: unsplash-clip ingest --table colors.';

COMMENT ON COLUMN public.photo_colors.photo_id IS 'The photo; it need not be in photos.';

COMMENT ON COLUMN public.photo_colors.hex IS 'The color as six hexadecimal digits, RRGGBB.';

COMMENT ON COLUMN public.photo_colors.red IS 'Red component, 0 to 255.';

COMMENT ON COLUMN public.photo_colors.green IS 'Green component, 0 to 255.';

COMMENT ON COLUMN public.photo_colors.blue IS 'Blue component, 0 to 255.';

COMMENT ON COLUMN public.photo_colors.keyword IS 'The nearest CSS color keyword, such as darkslategrey.';

COMMENT ON COLUMN public.photo_colors.ai_coverage IS 'Share of the pixels that have the color, in percent.';

COMMENT ON COLUMN public.photo_colors.ai_score IS 'Weight of the color in the photo, considering its focus.';

CREATE TABLE public.photo_conversions (
    converted_at timestamp without time zone NOT NULL,
    conversion_type text COLLATE pg_catalog."C",
    keyword text COLLATE pg_catalog."C",
    photo_id text NOT NULL COLLATE pg_catalog."C",
    anonymous_user_id text COLLATE pg_catalog."C",
    conversion_country text COLLATE pg_catalog."C",
    device_type text COLLATE pg_catalog."C",
    search_orientation_filter text COLLATE pg_catalog."C",
    search_ordering text COLLATE pg_catalog."C"
);

COMMENT ON TABLE public.photo_conversions IS 'conversions.tsv of the Unsplash dataset: one row per download that followed a search. The dataset gives them no id: rows that are equal in every column count as one. Load it with: unsplash-clip ingest --table conversions.';

COMMENT ON COLUMN public.photo_conversions.converted_at IS 'When the photo was downloaded. The dataset names no time zone.';

COMMENT ON COLUMN public.photo_conversions.conversion_type IS 'Kind of conversion; download.';

COMMENT ON COLUMN public.photo_conversions.keyword IS 'The words that were searched.';

COMMENT ON COLUMN public.photo_conversions.photo_id IS 'The photo; it need not be in photos.';

COMMENT ON COLUMN public.photo_conversions.anonymous_user_id IS 'Pseudonym of the person.';

COMMENT ON COLUMN public.photo_conversions.conversion_country IS 'Two-letter code of the country where the device was.';

COMMENT ON COLUMN public.photo_conversions.device_type IS 'Kind of device, such as desktop or mobile; from release 1.4.0 on.';

COMMENT ON COLUMN public.photo_conversions.search_orientation_filter IS 'Orientation that the search was limited to, such as all; from release 1.4.0 on.';

COMMENT ON COLUMN public.photo_conversions.search_ordering IS 'Order of the results that were shown, such as relevant; from release 1.4.0 on.';

CREATE TABLE public.photo_keywords (
    photo_id text NOT NULL COLLATE pg_catalog."C",
    keyword text NOT NULL COLLATE pg_catalog."C",
    ai_service_1_confidence double precision,
    ai_service_2_confidence double precision,
    suggested_by_user boolean,
    user_suggestion_source text,
    suggested_by_ai_service_3 boolean,
    confirmed_by_ai_service_3 boolean
);

COMMENT ON TABLE public.photo_keywords IS 'keywords.tsv of the Unsplash dataset: one row per photo and keyword. Load it with: unsplash-clip ingest --table keywords.';

COMMENT ON COLUMN public.photo_keywords.photo_id IS 'The photo; it need not be in photos.';

COMMENT ON COLUMN public.photo_keywords.keyword IS 'The keyword.';

COMMENT ON COLUMN public.photo_keywords.ai_service_1_confidence IS 'Confidence of one recognition service, in percent; null if it did not find the keyword.';

COMMENT ON COLUMN public.photo_keywords.ai_service_2_confidence IS 'Confidence of another recognition service, in percent; null if it did not find the keyword.';

COMMENT ON COLUMN public.photo_keywords.suggested_by_user IS 'Whether a person gave the keyword.';

COMMENT ON COLUMN public.photo_keywords.user_suggestion_source IS 'Where the person who gave the keyword stands to the photo, such as photographer, from release 1.4.0 on; file for keywords of the file of an own photo.';

COMMENT ON COLUMN public.photo_keywords.suggested_by_ai_service_3 IS 'Whether a third recognition service found the keyword; from release 1.4.0 on.';

COMMENT ON COLUMN public.photo_keywords.confirmed_by_ai_service_3 IS 'Whether a third recognition service confirmed the keyword; from release 1.4.0 on.';

CREATE TABLE public.photo_places (
    host text NOT NULL COLLATE pg_catalog."C",
    path text NOT NULL COLLATE pg_catalog."C",
    photo_id text NOT NULL COLLATE pg_catalog."C",
    digest bytea NOT NULL,
    size bigint NOT NULL,
    mtime_ns bigint NOT NULL,
    inode bigint NOT NULL,
    recheck boolean NOT NULL,
    run_id text NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT photo_places_digest_check CHECK ((length(digest) = 32))
);

COMMENT ON TABLE public.photo_places IS 'Where the photos of folders and buckets lie. Their id derives from their content, so equal files are one photo with several places.';

COMMENT ON COLUMN public.photo_places.host IS 'Name of the machine that read the file (the setting PLACE_HOST); s3 for an object of a bucket, which lies on no machine.';

COMMENT ON COLUMN public.photo_places.path IS 'Absolute path of the file on that machine; s3://bucket/key of an object.';

COMMENT ON COLUMN public.photo_places.photo_id IS 'The photo: the first 96 bits of the digest, in base64url.';

COMMENT ON COLUMN public.photo_places.digest IS 'SHA-256 of the bytes; of an object, of its ETag, a line feed and its size.';

COMMENT ON COLUMN public.photo_places.size IS 'Size of the file, in bytes.';

COMMENT ON COLUMN public.photo_places.mtime_ns IS 'When the file was last modified, in nanoseconds since 1970.';

COMMENT ON COLUMN public.photo_places.inode IS 'Its inode; 0 for an object. A file with the same path, size, time and inode is not read again.';

COMMENT ON COLUMN public.photo_places.recheck IS 'The file was modified less than two seconds before it was read, so a later change may show the same time: the next ingest reads it again.';

COMMENT ON COLUMN public.photo_places.run_id IS 'The run that last read the file.';

COMMENT ON COLUMN public.photo_places.recorded_at IS 'When it was last read.';

CREATE TABLE public.photos (
    photo_id text NOT NULL COLLATE pg_catalog."C",
    photo_url text,
    photo_image_url text NOT NULL,
    photo_submitted_at timestamp without time zone,
    photo_featured boolean,
    photo_width integer,
    photo_height integer,
    photo_aspect_ratio double precision,
    photo_description text,
    photographer_username text,
    photographer_first_name text,
    photographer_last_name text,
    exif_camera_make text,
    exif_camera_model text,
    exif_iso integer,
    exif_aperture_value text,
    exif_focal_length text,
    exif_exposure_time text,
    photo_location_name text,
    photo_location_latitude double precision,
    photo_location_longitude double precision,
    photo_location_country text,
    photo_location_city text,
    stats_views bigint,
    stats_downloads bigint,
    ai_description text,
    ai_primary_landmark_name text,
    ai_primary_landmark_latitude double precision,
    ai_primary_landmark_longitude double precision,
    ai_primary_landmark_confidence double precision,
    blur_hash text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    photo_title text,
    photo_rating integer,
    exif_lens text,
    exif_time_offset text,
    exif_orientation integer
);

COMMENT ON TABLE public.photos IS 'Metadata of every photo: the 31 columns of the Unsplash dataset, and what files say beyond them. Null means unknown.';

COMMENT ON COLUMN public.photos.photo_id IS 'Id in the dataset, or derived from the URL for photos from other sources.';

COMMENT ON COLUMN public.photos.photo_url IS 'Page of the photo.';

COMMENT ON COLUMN public.photos.photo_image_url IS 'Address from which the image is downloaded. Empty: unknown, as of photos that came with imported vectors.';

COMMENT ON COLUMN public.photos.photo_submitted_at IS 'When the photo was uploaded; of own photos, the local time at which it was taken. The dataset names no time zone.';

COMMENT ON COLUMN public.photos.photo_featured IS 'Whether editors promoted the photo.';

COMMENT ON COLUMN public.photos.photo_width IS 'Width of the original, in pixels.';

COMMENT ON COLUMN public.photos.photo_height IS 'Height of the original, in pixels.';

COMMENT ON COLUMN public.photos.photo_aspect_ratio IS 'Width divided by height.';

COMMENT ON COLUMN public.photos.photo_description IS 'Description by the photographer.';

COMMENT ON COLUMN public.photos.photographer_username IS 'User name of the photographer; of own photos, the author that the file names.';

COMMENT ON COLUMN public.photos.photographer_first_name IS 'First name of the photographer.';

COMMENT ON COLUMN public.photos.photographer_last_name IS 'Last name of the photographer.';

COMMENT ON COLUMN public.photos.exif_camera_make IS 'Manufacturer of the camera, from EXIF.';

COMMENT ON COLUMN public.photos.exif_camera_model IS 'Model of the camera, from EXIF.';

COMMENT ON COLUMN public.photos.exif_iso IS 'ISO sensitivity, from EXIF.';

COMMENT ON COLUMN public.photos.exif_aperture_value IS 'F-number, from EXIF.';

COMMENT ON COLUMN public.photos.exif_focal_length IS 'Focal length in millimetres, from EXIF.';

COMMENT ON COLUMN public.photos.exif_exposure_time IS 'Exposure time in seconds, from EXIF.';

COMMENT ON COLUMN public.photos.photo_location_name IS 'Full name of the place.';

COMMENT ON COLUMN public.photos.photo_location_latitude IS 'Latitude of the place, in degrees.';

COMMENT ON COLUMN public.photos.photo_location_longitude IS 'Longitude of the place, in degrees.';

COMMENT ON COLUMN public.photos.photo_location_country IS 'Country of the place.';

COMMENT ON COLUMN public.photos.photo_location_city IS 'City of the place.';

COMMENT ON COLUMN public.photos.stats_views IS 'Views on Unsplash when the dataset was made.';

COMMENT ON COLUMN public.photos.stats_downloads IS 'Downloads on Unsplash when the dataset was made.';

COMMENT ON COLUMN public.photos.ai_description IS 'Description by a recognition service.';

COMMENT ON COLUMN public.photos.ai_primary_landmark_name IS 'Landmark that a recognition service found.';

COMMENT ON COLUMN public.photos.ai_primary_landmark_latitude IS 'Latitude of the landmark, in degrees.';

COMMENT ON COLUMN public.photos.ai_primary_landmark_longitude IS 'Longitude of the landmark, in degrees.';

COMMENT ON COLUMN public.photos.ai_primary_landmark_confidence IS 'Confidence in the landmark, in percent.';

COMMENT ON COLUMN public.photos.blur_hash IS 'BlurHash: a compact blurred preview.';

COMMENT ON COLUMN public.photos.created_at IS 'When the row was first written.';

COMMENT ON COLUMN public.photos.photo_title IS 'Title, from the XMP or IPTC metadata of the file.';

COMMENT ON COLUMN public.photos.photo_rating IS 'Stars from 0 to 5, or -1 for rejected, from XMP or EXIF.';

COMMENT ON COLUMN public.photos.exif_lens IS 'Model of the lens, from EXIF.';

COMMENT ON COLUMN public.photos.exif_time_offset IS 'Offset of photo_submitted_at from UTC, such as +02:00, where the camera recorded it.';

COMMENT ON COLUMN public.photos.exif_orientation IS 'How the file stores the image, 1 to 8; 1 is upright. Width and height are those of the upright image.';

CREATE VIEW public.photo_status AS
 SELECT p.photo_id,
    ((m.name || '@'::text) || m."precision") AS model,
    m.id AS model_id,
        CASE
            WHEN (e.photo_id IS NOT NULL) THEN 'embedded'::text
            WHEN (f.photo_id IS NOT NULL) THEN 'failed'::text
            ELSE 'missing'::text
        END AS state,
    e.created_at AS embedded_at,
    e.stored_key,
    f.code,
    f.message,
    f.attempts,
    f.failed_at
   FROM (((public.photos p
     CROSS JOIN public.models m)
     LEFT JOIN public.embeddings e ON (((e.model_id = m.id) AND (e.photo_id = p.photo_id))))
     LEFT JOIN public.failures f ON (((f.model_id = m.id) AND (f.photo_id = p.photo_id))));

COMMENT ON VIEW public.photo_status IS 'Every photo under every model: embedded, failed (with the reason) or missing.';

COMMENT ON COLUMN public.photo_status.photo_id IS 'The photo.';

COMMENT ON COLUMN public.photo_status.model IS 'The model, as name@precision.';

COMMENT ON COLUMN public.photo_status.model_id IS 'Id of the model.';

COMMENT ON COLUMN public.photo_status.state IS 'embedded, failed (permanently) or missing.';

COMMENT ON COLUMN public.photo_status.embedded_at IS 'When it was first embedded.';

COMMENT ON COLUMN public.photo_status.stored_key IS 'Key of the compressed copy in the object store; null when no copy is kept.';

COMMENT ON COLUMN public.photo_status.code IS 'Error code of a failed photo.';

COMMENT ON COLUMN public.photo_status.message IS 'Error message of a failed photo.';

COMMENT ON COLUMN public.photo_status.attempts IS 'How often a failed photo was tried.';

COMMENT ON COLUMN public.photo_status.failed_at IS 'When the last attempt failed.';

CREATE TABLE public.photo_templates (
    photo_id text NOT NULL COLLATE pg_catalog."C",
    template_id integer NOT NULL
);

COMMENT ON TABLE public.photo_templates IS 'Photos that are fetched by a template instead of their photo_image_url, as in the run that last ingested them.';

COMMENT ON COLUMN public.photo_templates.photo_id IS 'The photo.';

COMMENT ON COLUMN public.photo_templates.template_id IS 'Its template.';

CREATE TABLE public.photo_texts (
    photo_id text NOT NULL COLLATE pg_catalog."C",
    words tsvector DEFAULT ''::tsvector NOT NULL
);

COMMENT ON TABLE public.photo_texts IS 'The words of each photo in photos or photo_keywords, for full text search. Triggers on both tables maintain it.';

COMMENT ON COLUMN public.photo_texts.photo_id IS 'The photo.';

COMMENT ON COLUMN public.photo_texts.words IS 'Weights: A description by the photographer, B description by the AI and keywords from people, C landmark and places, D other keywords.';

CREATE TABLE public.photo_versions (
    photo_id text NOT NULL COLLATE pg_catalog."C",
    model_id integer NOT NULL,
    url_hash bytea,
    etag text,
    last_modified text,
    length bigint,
    digest bytea,
    checked_at timestamp with time zone,
    outcome text,
    failure_code text,
    failure_message text,
    CONSTRAINT photo_versions_outcome_check CHECK ((outcome = ANY (ARRAY['new'::text, 'changed'::text, 'unchanged'::text, 'uncompared'::text, 'failed'::text])))
);

COMMENT ON TABLE public.photo_versions IS 'The version of an image that a model embedded, and what the last ingest --refresh found. Photos that are identified by their content have no row.';

COMMENT ON COLUMN public.photo_versions.photo_id IS 'The photo.';

COMMENT ON COLUMN public.photo_versions.model_id IS 'The model that embedded this version.';

COMMENT ON COLUMN public.photo_versions.url_hash IS 'First 128 bits of the SHA-256 of the address. ETag and Last-Modified belong to it. Null: nothing is known of the version.';

COMMENT ON COLUMN public.photo_versions.etag IS 'ETag of the answer, as it was sent; null when there was none.';

COMMENT ON COLUMN public.photo_versions.last_modified IS 'Last-Modified of the answer, as it was sent; null when there was none.';

COMMENT ON COLUMN public.photo_versions.length IS 'Bytes of the original.';

COMMENT ON COLUMN public.photo_versions.digest IS 'First 128 bits of the SHA-256 of the original.';

COMMENT ON COLUMN public.photo_versions.checked_at IS 'When ingest --refresh last asked for the photo; null: never.';

COMMENT ON COLUMN public.photo_versions.outcome IS 'What it found: new (embedded for the first time), changed, unchanged, uncompared (embedded again, because nothing was known of its version), failed (the old embedding stays).';

COMMENT ON COLUMN public.photo_versions.failure_code IS 'Why it failed, such as HTTP_404.';

COMMENT ON COLUMN public.photo_versions.failure_message IS 'The failure, for people.';

CREATE TABLE public.projection_points (
    projection_id integer NOT NULL,
    photo_id text NOT NULL COLLATE pg_catalog."C",
    x real NOT NULL,
    y real NOT NULL
);

COMMENT ON TABLE public.projection_points IS 'The place of each photo in a projection.';

COMMENT ON COLUMN public.projection_points.projection_id IS 'The projection.';

COMMENT ON COLUMN public.projection_points.photo_id IS 'The photo.';

COMMENT ON COLUMN public.projection_points.x IS 'Place along the first axis.';

COMMENT ON COLUMN public.projection_points.y IS 'Place along the second axis.';

CREATE TABLE public.projections (
    id integer NOT NULL,
    model_id integer NOT NULL,
    name text NOT NULL,
    method text NOT NULL,
    parameters jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE public.projections IS 'Projections of the vectors of a model onto a plane, which maps of photos are drawn from.';

COMMENT ON COLUMN public.projections.id IS 'Number of the projection.';

COMMENT ON COLUMN public.projections.model_id IS 'The model whose vectors were projected.';

COMMENT ON COLUMN public.projections.name IS 'Name, such as umap.';

COMMENT ON COLUMN public.projections.method IS 'pca or umap.';

COMMENT ON COLUMN public.projections.parameters IS 'What the points depend on, and measures of quality.';

COMMENT ON COLUMN public.projections.created_at IS 'When the points were computed.';

ALTER TABLE public.projections ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.projections_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.prompt_embeddings (
    model_id integer NOT NULL,
    prompt text NOT NULL COLLATE pg_catalog."C",
    embedding public.vector NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT prompt_embeddings_embedding_check CHECK ((public.vector_norm(embedding) > (0)::double precision)),
    CONSTRAINT prompt_embeddings_prompt_check CHECK (((prompt <> ''::text) AND (octet_length(prompt) <= 2000) AND (prompt = TRIM(BOTH FROM regexp_replace(prompt, '\s+'::text, ' '::text, 'g'::text)))))
);

COMMENT ON TABLE public.prompt_embeddings IS 'Text embeddings by their prompts, in the form that normal_prompt gives. They stay until "unsplash-clip prompts remove".';

COMMENT ON COLUMN public.prompt_embeddings.model_id IS 'The model.';

COMMENT ON COLUMN public.prompt_embeddings.prompt IS 'The prompt, as normal_prompt gives it.';

COMMENT ON COLUMN public.prompt_embeddings.embedding IS 'Text embedding of the prompt.';

COMMENT ON COLUMN public.prompt_embeddings.created_at IS 'When the prompt was embedded.';

CREATE TABLE public.prompt_requests (
    id bigint NOT NULL,
    model_id integer NOT NULL,
    prompt text NOT NULL COLLATE pg_catalog."C",
    requested_at timestamp with time zone DEFAULT now() NOT NULL,
    claimed_at timestamp with time zone,
    answered_at timestamp with time zone,
    problem text,
    CONSTRAINT prompt_requests_prompt_check CHECK (((prompt <> ''::text) AND (octet_length(prompt) <= 2000) AND (prompt = TRIM(BOTH FROM regexp_replace(prompt, '\s+'::text, ' '::text, 'g'::text)))))
);

COMMENT ON TABLE public.prompt_requests IS 'Prompts that workers are asked to embed. Kept for a day; the answer is a row of prompt_embeddings, or problem.';

COMMENT ON COLUMN public.prompt_requests.id IS 'Id of the request, as request_prompt returns it.';

COMMENT ON COLUMN public.prompt_requests.model_id IS 'The model.';

COMMENT ON COLUMN public.prompt_requests.prompt IS 'The prompt, as normal_prompt gives it.';

COMMENT ON COLUMN public.prompt_requests.requested_at IS 'When it was last asked for.';

COMMENT ON COLUMN public.prompt_requests.claimed_at IS 'When a worker took it. A worker that has not answered after a minute counts as dead, and another one takes the request.';

COMMENT ON COLUMN public.prompt_requests.answered_at IS 'When a worker answered; null while the request is open.';

COMMENT ON COLUMN public.prompt_requests.problem IS 'Why the prompt could not be embedded; null on success.';

ALTER TABLE public.prompt_requests ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.prompt_requests_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.reference_scores (
    version integer NOT NULL,
    photo_id text NOT NULL COLLATE pg_catalog."C",
    top_mean real NOT NULL
);

COMMENT ON TABLE public.reference_scores IS 'How similar each photo is to the reference texts that it is most similar to. Triggers on embeddings maintain it.';

COMMENT ON COLUMN public.reference_scores.version IS 'The reference set.';

COMMENT ON COLUMN public.reference_scores.photo_id IS 'The photo.';

COMMENT ON COLUMN public.reference_scores.top_mean IS 'Mean cosine similarity to the k most similar texts: large for photos that come up in every search.';

CREATE TABLE public.reference_texts (
    version integer NOT NULL,
    "position" integer NOT NULL,
    text text NOT NULL,
    embedding public.vector NOT NULL,
    share real,
    known boolean DEFAULT true NOT NULL,
    CONSTRAINT reference_texts_embedding_check CHECK ((public.vector_norm(embedding) > (0)::double precision)),
    CONSTRAINT reference_texts_share_check CHECK (((share >= (0)::double precision) AND (share <= (1)::double precision)))
);

COMMENT ON TABLE public.reference_texts IS 'The texts of each reference set.';

COMMENT ON COLUMN public.reference_texts.version IS 'The reference set.';

COMMENT ON COLUMN public.reference_texts."position" IS 'Position of the text in its set, from 1.';

COMMENT ON COLUMN public.reference_texts.text IS 'The text, as normal_prompt gives it.';

COMMENT ON COLUMN public.reference_texts.embedding IS 'Text embedding, of unit length.';

COMMENT ON COLUMN public.reference_texts.share IS 'Share of a sample of the photos that show what the text says. Null: not measured yet.';

COMMENT ON COLUMN public.reference_texts.known IS 'False: the model does not know the text, as it cannot tell it from ten others of the set (cosine similarity of 0.99). No photo shows words that are as near to it.';

CREATE VIEW public.reference_progress AS
 SELECT ((m.name || '@'::text) || m."precision") AS model,
    s.model_id,
    s.version,
    s.state,
    s.k,
    s.weight,
    ( SELECT count(*) AS count
           FROM public.reference_texts t
          WHERE (t.version = s.version)) AS texts,
    ( SELECT count(*) AS count
           FROM public.embeddings e
          WHERE (e.model_id = s.model_id)) AS photos,
    ( SELECT count(*) AS count
           FROM public.reference_scores c
          WHERE (c.version = s.version)) AS compared,
    ( SELECT count(*) AS count
           FROM public.reference_texts t
          WHERE ((t.version = s.version) AND t.known)) AS known_texts,
    s.cut_by,
    s.judged,
    s.cut_precision,
    s.cut_recall
   FROM (public.reference_sets s
     JOIN public.models m ON ((m.id = s.model_id)));

COMMENT ON VIEW public.reference_progress IS 'The reference sets of each model, with the number of embedded photos and how many of them were compared with the texts.';

COMMENT ON COLUMN public.reference_progress.model IS 'The model, as name@precision.';

COMMENT ON COLUMN public.reference_progress.model_id IS 'Id of the model.';

COMMENT ON COLUMN public.reference_progress.version IS 'Number of the set.';

COMMENT ON COLUMN public.reference_progress.state IS 'current or coming.';

COMMENT ON COLUMN public.reference_progress.k IS 'Texts per photo whose mean similarity is stored.';

COMMENT ON COLUMN public.reference_progress.weight IS 'Weight of the correction in searches by words that name none.';

COMMENT ON COLUMN public.reference_progress.texts IS 'Reference texts.';

COMMENT ON COLUMN public.reference_progress.photos IS 'Embedded photos.';

COMMENT ON COLUMN public.reference_progress.compared IS 'Photos that were compared with the texts.';

COMMENT ON COLUMN public.reference_progress.known_texts IS 'Reference texts that the model knows: it can tell them apart.';

COMMENT ON COLUMN public.reference_progress.cut_by IS 'By what searches know which photos show words: deviations, descriptions, or none. Null: not measured yet.';

COMMENT ON COLUMN public.reference_progress.judged IS 'Reference texts that descriptions of photos name.';

COMMENT ON COLUMN public.reference_progress.cut_precision IS 'Mean share of the photos found for such a text whose descriptions name it.';

COMMENT ON COLUMN public.reference_progress.cut_recall IS 'Mean share of the photos whose descriptions name such a text that are found for it.';

CREATE TABLE public.reference_ranges (
    version integer NOT NULL,
    first_block bigint NOT NULL,
    end_block bigint NOT NULL
);

COMMENT ON TABLE public.reference_ranges IS 'Ranges of disk blocks of a model''s embeddings whose photos are still to be compared. A session that compares a range deletes its row in the same transaction.';

COMMENT ON COLUMN public.reference_ranges.version IS 'The reference set.';

COMMENT ON COLUMN public.reference_ranges.first_block IS 'First block of the range.';

COMMENT ON COLUMN public.reference_ranges.end_block IS 'First block after the range.';

ALTER TABLE public.reference_sets ALTER COLUMN version ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.reference_sets_version_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.removed_copies (
    key text NOT NULL,
    photo_id text NOT NULL COLLATE pg_catalog."C",
    removed_at timestamp with time zone DEFAULT now() NOT NULL,
    is_certain boolean DEFAULT true NOT NULL
);

COMMENT ON TABLE public.removed_copies IS 'Compressed copies of removed photos that are still to be deleted from the object store. A photo that comes back takes its copies out of this list.';

COMMENT ON COLUMN public.removed_copies.key IS 'Key of the copy in the object store.';

COMMENT ON COLUMN public.removed_copies.photo_id IS 'The photo that was removed.';

COMMENT ON COLUMN public.removed_copies.removed_at IS 'When it was removed.';

COMMENT ON COLUMN public.removed_copies.is_certain IS 'False: no embedding named the copy, but a worker that was killed may have stored it.';

CREATE VIEW public.run_progress AS
SELECT
    NULL::text AS run_id,
    NULL::bigint AS "position",
    NULL::integer AS model_id,
    NULL::text AS model,
    NULL::text AS source,
    NULL::timestamp with time zone AS created_at,
    NULL::timestamp with time zone AS enqueued_at,
    NULL::bigint AS photos,
    NULL::bigint AS done,
    NULL::bigint AS failed,
    NULL::timestamp with time zone AS settled_at,
    NULL::text AS state,
    NULL::text AS control,
    NULL::text AS priority,
    NULL::bigint AS given_up_batches,
    NULL::double precision AS photos_per_second,
    NULL::bigint AS given_up_photos,
    NULL::bigint AS parked_batches,
    NULL::bigint AS parked_photos,
    NULL::bigint AS open_batches;

COMMENT ON VIEW public.run_progress IS 'One row per ingest: photos in its batches, embedded, failed; its state; batches that are open, parked, or given up by the queue; speed.';

COMMENT ON COLUMN public.run_progress.run_id IS 'The run.';

COMMENT ON COLUMN public.run_progress."position" IS 'Order in which runs were created.';

COMMENT ON COLUMN public.run_progress.model_id IS 'Id of the model.';

COMMENT ON COLUMN public.run_progress.model IS 'The model, as name@precision.';

COMMENT ON COLUMN public.run_progress.source IS 'Where its photos come from.';

COMMENT ON COLUMN public.run_progress.created_at IS 'When it was created.';

COMMENT ON COLUMN public.run_progress.enqueued_at IS 'When the producer had added all batches; null before.';

COMMENT ON COLUMN public.run_progress.photos IS 'Photos in its batches.';

COMMENT ON COLUMN public.run_progress.done IS 'Photos that are embedded.';

COMMENT ON COLUMN public.run_progress.failed IS 'Photos that failed permanently.';

COMMENT ON COLUMN public.run_progress.settled_at IS 'When the last batch was settled; null while one is open.';

COMMENT ON COLUMN public.run_progress.state IS 'enqueuing, running, paused, cancelled, done; waiting for workers: all is enqueued, and no worker is alive; or interrupted: its producer ended before its part was done, and nothing goes on by itself.';

COMMENT ON COLUMN public.run_progress.control IS 'The requested state: active, paused or cancelled.';

COMMENT ON COLUMN public.run_progress.priority IS 'Priority of its batches in the queue: high, normal, low.';

COMMENT ON COLUMN public.run_progress.given_up_batches IS 'Batches that the queue gave up and that are not settled.';

COMMENT ON COLUMN public.run_progress.photos_per_second IS 'Photos settled per second: over the last two minutes; of a run that is done, over all of its time.';

COMMENT ON COLUMN public.run_progress.given_up_photos IS 'Photos in those batches that are neither embedded nor failed.';

COMMENT ON COLUMN public.run_progress.parked_batches IS 'Batches that workers received while the run was paused.';

COMMENT ON COLUMN public.run_progress.parked_photos IS 'Photos in parked batches.';

COMMENT ON COLUMN public.run_progress.open_batches IS 'Batches that are in the queue or in work.';

ALTER TABLE public.runs ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.runs_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.schema_functions (
    name text NOT NULL,
    signature text NOT NULL,
    sha256 text NOT NULL,
    fingerprint text NOT NULL,
    server_version integer NOT NULL,
    applied_by text NOT NULL,
    applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

COMMENT ON TABLE public.schema_functions IS 'The functions and views of migrations/functions/ as they were last applied. "unsplash-clip db status" compares them with those in the database.';

COMMENT ON COLUMN public.schema_functions.name IS 'Name of the function or view, and of its file.';

COMMENT ON COLUMN public.schema_functions.signature IS 'Qualified name; for a function with the types of its parameters.';

COMMENT ON COLUMN public.schema_functions.sha256 IS 'Digest of the file when it was applied. A file that has changed is applied again.';

COMMENT ON COLUMN public.schema_functions.fingerprint IS 'Digest of the definition in the catalog after it was applied.';

COMMENT ON COLUMN public.schema_functions.server_version IS 'Major version of the server that applied it. Servers of different versions print views differently.';

COMMENT ON COLUMN public.schema_functions.applied_by IS 'Version of unsplash-clip that applied it.';

COMMENT ON COLUMN public.schema_functions.applied_at IS 'When it was applied.';

CREATE TABLE public.schema_migrations (
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

COMMENT ON TABLE public.schema_migrations IS 'The numbered files of migrations/ that were applied to this database.';

COMMENT ON COLUMN public.schema_migrations.name IS 'Name of the file, without .sql.';

COMMENT ON COLUMN public.schema_migrations.sha256 IS 'Digest of the file when it was applied. The file must not change afterwards.';

COMMENT ON COLUMN public.schema_migrations.applied_at IS 'When it was applied.';

CREATE TABLE public.search_model (
    single boolean DEFAULT true NOT NULL,
    model_id integer NOT NULL,
    chosen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT search_model_single_check CHECK (single)
);

COMMENT ON TABLE public.search_model IS 'At most one row: the model for searches that name none. Without a row, it is the model of the newest run.';

COMMENT ON COLUMN public.search_model.single IS 'Always true, so that there is at most one row.';

COMMENT ON COLUMN public.search_model.model_id IS 'The model.';

COMMENT ON COLUMN public.search_model.chosen_at IS 'When it was chosen.';

CREATE VIEW public.search_tuning AS
 SELECT m.id AS model_id,
    ((m.name || '@'::text) || m."precision") AS model,
    kinds.query_kind,
        CASE
            WHEN i.indisvalid THEN s.method
            ELSE 'exact'::text
        END AS answered_by,
        CASE
            WHEN i.indisvalid THEN s.effort
            ELSE NULL::integer
        END AS effort,
    s.index_name,
    s.wanted_recall,
    s.measured_recall,
    s.sampled_queries,
    s.tuned_at,
    s.photos AS photos_at_tuning,
    counted.photos,
        CASE
            WHEN (s.model_id IS NULL) THEN 'not tuned'::text
            WHEN ((s.method <> 'exact'::text) AND (i.indisvalid IS NOT TRUE)) THEN 'index missing'::text
            WHEN (counted.photos >= (2 * s.photos)) THEN 'stale'::text
            ELSE 'tuned'::text
        END AS state
   FROM ((((public.models m
     CROSS JOIN ( VALUES ('text'::text), ('image'::text)) kinds(query_kind))
     CROSS JOIN LATERAL ( SELECT count(*) AS photos
           FROM public.embeddings e
          WHERE (e.model_id = m.id)) counted)
     LEFT JOIN public.search_settings s ON (((s.model_id = m.id) AND (s.query_kind = kinds.query_kind))))
     LEFT JOIN pg_index i ON ((i.indexrelid = (to_regclass(quote_ident(s.index_name)))::oid)));

COMMENT ON VIEW public.search_tuning IS 'How queries of each kind are answered now: exactly where nothing was tuned or the index is gone.';

COMMENT ON COLUMN public.search_tuning.model_id IS 'Id of the model.';

COMMENT ON COLUMN public.search_tuning.model IS 'The model, as name@precision.';

COMMENT ON COLUMN public.search_tuning.query_kind IS 'The query vector was made from: text or image.';

COMMENT ON COLUMN public.search_tuning.answered_by IS 'exact, ivfflat or hnsw.';

COMMENT ON COLUMN public.search_tuning.effort IS 'Search effort: lists probed or candidates kept.';

COMMENT ON COLUMN public.search_tuning.index_name IS 'The index that was tuned.';

COMMENT ON COLUMN public.search_tuning.wanted_recall IS 'The recall that was asked for.';

COMMENT ON COLUMN public.search_tuning.measured_recall IS 'The recall that was measured.';

COMMENT ON COLUMN public.search_tuning.sampled_queries IS 'Number of queries in the measurement.';

COMMENT ON COLUMN public.search_tuning.tuned_at IS 'When it was measured.';

COMMENT ON COLUMN public.search_tuning.photos_at_tuning IS 'Photos during the measurement.';

COMMENT ON COLUMN public.search_tuning.photos IS 'Photos now.';

COMMENT ON COLUMN public.search_tuning.state IS 'tuned, not tuned, index missing, or stale (the photos have doubled since).';

CREATE TABLE public.submissions (
    key bytea NOT NULL,
    digest bytea NOT NULL,
    run_id text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    answer jsonb,
    CONSTRAINT submissions_digest_check CHECK ((length(digest) = 32)),
    CONSTRAINT submissions_key_check CHECK ((length(key) = 32))
);

COMMENT ON TABLE public.submissions IS 'What programs submitted over HTTP within the last day, so that a repeated request gets the same answer.';

COMMENT ON COLUMN public.submissions.key IS 'SHA-256 of the caller and its Idempotency-Key, or of the caller and the body without one.';

COMMENT ON COLUMN public.submissions.digest IS 'SHA-256 of the body. Another body under the same key is refused.';

COMMENT ON COLUMN public.submissions.run_id IS 'Run of the submission.';

COMMENT ON COLUMN public.submissions.created_at IS 'When it was submitted first.';

COMMENT ON COLUMN public.submissions.answer IS 'What was enqueued; null: not all of it yet.';

CREATE TABLE public.text_language (
    single boolean DEFAULT true NOT NULL,
    language text NOT NULL,
    CONSTRAINT text_language_single_check CHECK (single)
);

COMMENT ON TABLE public.text_language IS 'One row: the text search configuration for storing and finding words. Change it with use_text_language, which stores all words again.';

COMMENT ON COLUMN public.text_language.single IS 'Always true, so that there is one row.';

COMMENT ON COLUMN public.text_language.language IS 'Name of the text search configuration, such as english or simple.';

CREATE TABLE public.url_templates (
    id integer NOT NULL,
    template text NOT NULL
);

COMMENT ON TABLE public.url_templates IS 'Templates of --url-template and --images that photos were ingested with. Secrets in them are names of environment variables.';

COMMENT ON COLUMN public.url_templates.id IS 'Named by photo_templates.';

COMMENT ON COLUMN public.url_templates.template IS 'The template, with {photo_id}, {image_url} and ${NAME} of an environment variable.';

ALTER TABLE public.url_templates ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.url_templates_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_digest_key UNIQUE (digest);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.copy_folders
    ADD CONSTRAINT copy_folders_pkey PRIMARY KEY (folder);

ALTER TABLE ONLY public.embeddings
    ADD CONSTRAINT embeddings_pkey PRIMARY KEY (model_id, photo_id);

ALTER TABLE ONLY public.failures
    ADD CONSTRAINT failures_pkey PRIMARY KEY (model_id, photo_id);

ALTER TABLE ONLY public.host_limits
    ADD CONSTRAINT host_limits_pkey PRIMARY KEY (host);

ALTER TABLE ONLY public.image_regions
    ADD CONSTRAINT image_regions_pkey PRIMARY KEY (model_id);

ALTER TABLE ONLY public.imports
    ADD CONSTRAINT imports_pkey PRIMARY KEY (model_id, digest);

ALTER TABLE ONLY public.label_changes
    ADD CONSTRAINT label_changes_pkey PRIMARY KEY (model_id, set_name);

ALTER TABLE ONLY public.label_changes
    ADD CONSTRAINT label_changes_version_key UNIQUE (version);

ALTER TABLE ONLY public.label_examples
    ADD CONSTRAINT label_examples_pkey PRIMARY KEY (model_id, set_name, photo_id);

ALTER TABLE ONLY public.label_marks
    ADD CONSTRAINT label_marks_pkey PRIMARY KEY (photo_id, model_id, set_name, label);

ALTER TABLE ONLY public.label_prompts
    ADD CONSTRAINT label_prompts_pkey PRIMARY KEY (model_id, set_name, "position");

ALTER TABLE ONLY public.label_ranges
    ADD CONSTRAINT label_ranges_pkey PRIMARY KEY (version, first_block);

ALTER TABLE ONLY public.label_rows
    ADD CONSTRAINT label_rows_pkey PRIMARY KEY (version, photo_id);

ALTER TABLE ONLY public.label_sets
    ADD CONSTRAINT label_sets_pkey PRIMARY KEY (model_id, name);

ALTER TABLE ONLY public.label_sets
    ADD CONSTRAINT label_sets_version_key UNIQUE (version);

ALTER TABLE ONLY public.models
    ADD CONSTRAINT models_name_precision_revision_key UNIQUE (name, "precision", revision);

ALTER TABLE ONLY public.models
    ADD CONSTRAINT models_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.parked_batches
    ADD CONSTRAINT parked_batches_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.photo_collections
    ADD CONSTRAINT photo_collections_pkey PRIMARY KEY (photo_id, collection_id);

ALTER TABLE ONLY public.photo_colors
    ADD CONSTRAINT photo_colors_pkey PRIMARY KEY (photo_id, hex);

ALTER TABLE ONLY public.photo_conversions
    ADD CONSTRAINT photo_conversions_distinct UNIQUE NULLS NOT DISTINCT (photo_id, converted_at, anonymous_user_id, keyword, conversion_type, conversion_country, device_type, search_orientation_filter, search_ordering);

ALTER TABLE ONLY public.photo_keywords
    ADD CONSTRAINT photo_keywords_pkey PRIMARY KEY (photo_id, keyword);

ALTER TABLE ONLY public.photo_places
    ADD CONSTRAINT photo_places_pkey PRIMARY KEY (host, path);

ALTER TABLE ONLY public.photo_templates
    ADD CONSTRAINT photo_templates_pkey PRIMARY KEY (photo_id);

ALTER TABLE ONLY public.photo_texts
    ADD CONSTRAINT photo_texts_pkey PRIMARY KEY (photo_id);

ALTER TABLE ONLY public.photo_versions
    ADD CONSTRAINT photo_versions_pkey PRIMARY KEY (photo_id, model_id);

ALTER TABLE ONLY public.photos
    ADD CONSTRAINT photos_pkey PRIMARY KEY (photo_id);

ALTER TABLE ONLY public.projection_points
    ADD CONSTRAINT projection_points_pkey PRIMARY KEY (projection_id, photo_id);

ALTER TABLE ONLY public.projections
    ADD CONSTRAINT projections_model_id_name_key UNIQUE (model_id, name);

ALTER TABLE ONLY public.projections
    ADD CONSTRAINT projections_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.prompt_embeddings
    ADD CONSTRAINT prompt_embeddings_pkey PRIMARY KEY (model_id, prompt);

ALTER TABLE ONLY public.prompt_requests
    ADD CONSTRAINT prompt_requests_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.reference_ranges
    ADD CONSTRAINT reference_ranges_pkey PRIMARY KEY (version, first_block);

ALTER TABLE ONLY public.reference_scores
    ADD CONSTRAINT reference_scores_pkey PRIMARY KEY (version, photo_id);

ALTER TABLE ONLY public.reference_sets
    ADD CONSTRAINT reference_sets_model_id_state_key UNIQUE (model_id, state);

ALTER TABLE ONLY public.reference_sets
    ADD CONSTRAINT reference_sets_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.reference_texts
    ADD CONSTRAINT reference_texts_pkey PRIMARY KEY (version, "position");

ALTER TABLE ONLY public.removed_copies
    ADD CONSTRAINT removed_copies_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.schema_functions
    ADD CONSTRAINT schema_functions_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.search_model
    ADD CONSTRAINT search_model_pkey PRIMARY KEY (single);

ALTER TABLE ONLY public.search_settings
    ADD CONSTRAINT search_settings_pkey PRIMARY KEY (model_id, query_kind);

ALTER TABLE ONLY public.submissions
    ADD CONSTRAINT submissions_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.text_language
    ADD CONSTRAINT text_language_pkey PRIMARY KEY (single);

ALTER TABLE ONLY public.url_templates
    ADD CONSTRAINT url_templates_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.url_templates
    ADD CONSTRAINT url_templates_template_key UNIQUE (template);

ALTER TABLE ONLY public.workers
    ADD CONSTRAINT workers_pkey PRIMARY KEY (id);

CREATE UNIQUE INDEX api_keys_name ON public.api_keys USING btree (name) WHERE (revoked_at IS NULL);

CREATE INDEX batches_by_run ON public.batches USING btree (run_id);

CREATE INDEX batches_open ON public.batches USING btree (run_id) WHERE (settled_at IS NULL);

CREATE INDEX embeddings_by_photo ON ONLY public.embeddings USING btree (photo_id);

CREATE INDEX failures_by_code ON public.failures USING btree (model_id, code);

CREATE INDEX failures_by_photo ON public.failures USING btree (photo_id);

CREATE INDEX label_examples_by_photo ON public.label_examples USING btree (photo_id);

CREATE INDEX label_marks_by_set ON public.label_marks USING btree (model_id, set_name);

CREATE INDEX label_rows_by_label ON public.label_rows USING btree (version, label);

CREATE INDEX parked_batches_by_batch ON public.parked_batches USING btree (batch_id);

CREATE INDEX parked_batches_by_run ON public.parked_batches USING btree (run_id, id);

CREATE INDEX photo_collections_by_id ON public.photo_collections USING btree (collection_id, photo_id);

CREATE INDEX photo_collections_by_title ON public.photo_collections USING btree (collection_title, photo_id);

CREATE INDEX photo_colors_by_keyword ON public.photo_colors USING btree (keyword, photo_id);

CREATE INDEX photo_conversions_by_keyword ON public.photo_conversions USING btree (keyword, photo_id);

CREATE INDEX photo_keywords_by_keyword ON public.photo_keywords USING btree (keyword, photo_id);

CREATE INDEX photo_places_by_photo ON public.photo_places USING btree (photo_id);

CREATE INDEX photo_texts_words ON public.photo_texts USING gin (words);

CREATE INDEX photos_by_country ON public.photos USING btree (photo_location_country) WHERE (photo_location_country IS NOT NULL);

CREATE INDEX photos_by_photographer ON public.photos USING btree (photographer_username) WHERE (photographer_username IS NOT NULL);

CREATE INDEX photos_by_place ON public.photos USING btree (photo_location_latitude, photo_location_longitude) WHERE (photo_location_latitude IS NOT NULL);

CREATE INDEX photos_newest ON public.photos USING btree (COALESCE((('-1000000'::integer)::double precision * (EXTRACT(epoch FROM photo_submitted_at))::double precision), ('9000000000000000'::numeric)::double precision), photo_id);

CREATE INDEX projection_points_by_photo ON public.projection_points USING btree (photo_id);

CREATE INDEX prompt_requests_age ON public.prompt_requests USING btree (requested_at);

CREATE UNIQUE INDEX prompt_requests_open ON public.prompt_requests USING btree (model_id, prompt) WHERE (answered_at IS NULL);

CREATE INDEX removed_copies_by_photo ON public.removed_copies USING btree (photo_id);

CREATE INDEX runs_by_position ON public.runs USING btree ("position");

CREATE INDEX submissions_created_at ON public.submissions USING btree (created_at);

CREATE OR REPLACE VIEW public.run_progress AS
 SELECT r.id AS run_id,
    r."position",
    r.model_id,
    ((m.name || '@'::text) || m."precision") AS model,
    r.source,
    r.created_at,
    r.enqueued_at,
    COALESCE(sum(b.photo_count), (0)::bigint) AS photos,
    COALESCE(sum(b.done_count), (0)::bigint) AS done,
    COALESCE(sum(b.failed_count), (0)::bigint) AS failed,
        CASE
            WHEN bool_and((b.settled_at IS NOT NULL)) THEN max(b.settled_at)
            ELSE NULL::timestamp with time zone
        END AS settled_at,
        CASE
            WHEN ((r.enqueued_at IS NOT NULL) AND (count(b.id) = count(b.settled_at))) THEN 'done'::text
            WHEN (r.control <> 'active'::text) THEN r.control
            WHEN ((r.producer_seen_at < (now() - '00:00:30'::interval)) AND ((r.enqueued_at IS NULL) OR (NOT (EXISTS ( SELECT
               FROM public.workers w
              WHERE (w.seen_at > (now() - '00:00:30'::interval))))))) THEN 'interrupted'::text
            WHEN (r.enqueued_at IS NULL) THEN 'enqueuing'::text
            WHEN (NOT (EXISTS ( SELECT
               FROM public.workers w
              WHERE (w.seen_at > (now() - '00:00:30'::interval))))) THEN 'waiting for workers'::text
            ELSE 'running'::text
        END AS state,
    r.control,
    r.priority,
    count(b.given_up_at) FILTER (WHERE (b.settled_at IS NULL)) AS given_up_batches,
        CASE
            WHEN ((r.enqueued_at IS NOT NULL) AND (count(b.id) = count(b.settled_at))) THEN ((COALESCE(sum(b.photo_count), (0)::bigint))::double precision / (GREATEST(EXTRACT(epoch FROM (max(b.settled_at) - r.created_at)), (1)::numeric))::double precision)
            ELSE ((COALESCE(sum(b.photo_count) FILTER (WHERE (b.settled_at > (now() - '00:02:00'::interval))), (0)::bigint))::double precision / (GREATEST(LEAST((120)::numeric, EXTRACT(epoch FROM (now() - r.created_at))), (1)::numeric))::double precision)
        END AS photos_per_second,
    COALESCE(sum(((b.photo_count - b.done_count) - b.failed_count)) FILTER (WHERE ((b.settled_at IS NULL) AND (b.given_up_at IS NOT NULL))), (0)::bigint) AS given_up_photos,
    ( SELECT count(*) AS count
           FROM public.parked_batches p
          WHERE (p.run_id = r.id)) AS parked_batches,
    ( SELECT COALESCE(sum(jsonb_array_length((p.batch -> 'photos'::text))), (0)::bigint) AS "coalesce"
           FROM public.parked_batches p
          WHERE (p.run_id = r.id)) AS parked_photos,
    count(b.id) FILTER (WHERE ((b.settled_at IS NULL) AND (b.given_up_at IS NULL))) AS open_batches
   FROM ((public.runs r
     JOIN public.models m ON ((m.id = r.model_id)))
     LEFT JOIN public.batches b ON ((b.run_id = r.id)))
  GROUP BY r.id, m.name, m."precision";

CREATE TRIGGER copies_of_new_photos AFTER INSERT ON public.photos REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_returned_copies();

CREATE TRIGGER drop_label_rows BEFORE DELETE ON public.label_sets FOR EACH ROW EXECUTE FUNCTION public.drop_label_rows();

CREATE TRIGGER keep_clusters BEFORE INSERT ON public.label_changes FOR EACH ROW EXECUTE FUNCTION public.keep_clusters();

CREATE TRIGGER labels_of_deleted AFTER DELETE ON public.embeddings FOR EACH ROW WHEN ((current_setting('unsplash_clip.removing_photos'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION public.drop_stale_labels();

CREATE TRIGGER labels_of_replaced AFTER UPDATE OF embedding ON public.embeddings FOR EACH ROW WHEN ((old.embedding OPERATOR(public.<>) new.embedding)) EXECUTE FUNCTION public.drop_stale_labels();

CREATE TRIGGER measure_image_region AFTER INSERT OR UPDATE ON public.search_settings FOR EACH ROW EXECUTE FUNCTION public.measure_image_region();

CREATE TRIGGER reference_scores_of_deleted AFTER DELETE ON public.embeddings REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION public.keep_reference_scores();

CREATE TRIGGER reference_scores_of_new AFTER INSERT ON public.embeddings REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION public.keep_reference_scores();

CREATE TRIGGER reference_scores_of_replaced AFTER UPDATE ON public.embeddings REFERENCING OLD TABLE AS replaced NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION public.keep_reference_scores();

CREATE TRIGGER unit_vector BEFORE INSERT OR UPDATE OF embedding ON public.embeddings FOR EACH ROW WHEN ((NOT ((public.l2_norm(new.embedding) >= (0.999)::double precision) AND (public.l2_norm(new.embedding) <= (1.001)::double precision)))) EXECUTE FUNCTION public.unit_vector();

CREATE TRIGGER unit_vector BEFORE INSERT OR UPDATE OF embedding ON public.label_prompts FOR EACH ROW EXECUTE FUNCTION public.unit_vector();

CREATE TRIGGER unit_vector BEFORE INSERT OR UPDATE OF embedding ON public.prompt_embeddings FOR EACH ROW EXECUTE FUNCTION public.unit_vector();

CREATE TRIGGER words_of_changed_keywords AFTER UPDATE ON public.photo_keywords REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keywords_changed_words();

CREATE TRIGGER words_of_changed_photos AFTER UPDATE ON public.photos REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.photos_changed_words();

CREATE TRIGGER words_of_gone_keywords AFTER DELETE ON public.photo_keywords REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keywords_changed_words();

CREATE TRIGGER words_of_gone_photos AFTER DELETE ON public.photos REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.photos_changed_words();

CREATE TRIGGER words_of_new_keywords AFTER INSERT ON public.photo_keywords REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keywords_changed_words();

CREATE TRIGGER words_of_new_photos AFTER INSERT ON public.photos REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.photos_changed_words();

CREATE TRIGGER words_of_no_keywords AFTER TRUNCATE ON public.photo_keywords FOR EACH STATEMENT EXECUTE FUNCTION public.rewritten_words();

CREATE TRIGGER words_of_no_photos AFTER TRUNCATE ON public.photos FOR EACH STATEMENT EXECUTE FUNCTION public.rewritten_words();

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT batches_model_id_fkey FOREIGN KEY (model_id) REFERENCES public.models(id);

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT batches_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(id);

ALTER TABLE public.embeddings
    ADD CONSTRAINT embeddings_model_id_fkey FOREIGN KEY (model_id) REFERENCES public.models(id);

ALTER TABLE public.embeddings
    ADD CONSTRAINT embeddings_photo_id_fkey FOREIGN KEY (photo_id) REFERENCES public.photos(photo_id);

ALTER TABLE ONLY public.failures
    ADD CONSTRAINT failures_model_id_fkey FOREIGN KEY (model_id) REFERENCES public.models(id);

ALTER TABLE ONLY public.failures
    ADD CONSTRAINT failures_photo_id_fkey FOREIGN KEY (photo_id) REFERENCES public.photos(photo_id);

ALTER TABLE ONLY public.image_regions
    ADD CONSTRAINT image_regions_model_id_fkey FOREIGN KEY (model_id) REFERENCES public.models(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.imports
    ADD CONSTRAINT imports_model_id_fkey FOREIGN KEY (model_id) REFERENCES public.models(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.label_changes
    ADD CONSTRAINT label_changes_model_id_set_name_fkey FOREIGN KEY (model_id, set_name) REFERENCES public.label_sets(model_id, name) ON DELETE CASCADE;

ALTER TABLE ONLY public.label_examples
    ADD CONSTRAINT label_examples_model_id_set_name_fkey FOREIGN KEY (model_id, set_name) REFERENCES public.label_sets(model_id, name) ON DELETE CASCADE;

ALTER TABLE ONLY public.label_examples
    ADD CONSTRAINT label_examples_photo_id_fkey FOREIGN KEY (photo_id) REFERENCES public.photos(photo_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.label_marks
    ADD CONSTRAINT label_marks_model_id_fkey FOREIGN KEY (model_id) REFERENCES public.models(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.label_marks
    ADD CONSTRAINT label_marks_photo_id_fkey FOREIGN KEY (photo_id) REFERENCES public.photos(photo_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.label_prompts
    ADD CONSTRAINT label_prompts_model_id_set_name_fkey FOREIGN KEY (model_id, set_name) REFERENCES public.label_sets(model_id, name) ON DELETE CASCADE;

ALTER TABLE ONLY public.label_sets
    ADD CONSTRAINT label_sets_model_id_fkey FOREIGN KEY (model_id) REFERENCES public.models(id);

ALTER TABLE ONLY public.parked_batches
    ADD CONSTRAINT parked_batches_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES public.batches(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.parked_batches
    ADD CONSTRAINT parked_batches_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.photo_places
    ADD CONSTRAINT photo_places_photo_id_fkey FOREIGN KEY (photo_id) REFERENCES public.photos(photo_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.photo_templates
    ADD CONSTRAINT photo_templates_photo_id_fkey FOREIGN KEY (photo_id) REFERENCES public.photos(photo_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.photo_templates
    ADD CONSTRAINT photo_templates_template_id_fkey FOREIGN KEY (template_id) REFERENCES public.url_templates(id);

ALTER TABLE ONLY public.photo_versions
    ADD CONSTRAINT photo_versions_model_id_fkey FOREIGN KEY (model_id) REFERENCES public.models(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.photo_versions
    ADD CONSTRAINT photo_versions_photo_id_fkey FOREIGN KEY (photo_id) REFERENCES public.photos(photo_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.projection_points
    ADD CONSTRAINT projection_points_photo_id_fkey FOREIGN KEY (photo_id) REFERENCES public.photos(photo_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.projection_points
    ADD CONSTRAINT projection_points_projection_id_fkey FOREIGN KEY (projection_id) REFERENCES public.projections(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.projections
    ADD CONSTRAINT projections_model_id_fkey FOREIGN KEY (model_id) REFERENCES public.models(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.prompt_embeddings
    ADD CONSTRAINT prompt_embeddings_model_id_fkey FOREIGN KEY (model_id) REFERENCES public.models(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.prompt_requests
    ADD CONSTRAINT prompt_requests_model_id_fkey FOREIGN KEY (model_id) REFERENCES public.models(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.reference_ranges
    ADD CONSTRAINT reference_ranges_version_fkey FOREIGN KEY (version) REFERENCES public.reference_sets(version) ON DELETE CASCADE;

ALTER TABLE ONLY public.reference_sets
    ADD CONSTRAINT reference_sets_model_id_fkey FOREIGN KEY (model_id) REFERENCES public.models(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.reference_texts
    ADD CONSTRAINT reference_texts_version_fkey FOREIGN KEY (version) REFERENCES public.reference_sets(version) ON DELETE CASCADE;

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_model_id_fkey FOREIGN KEY (model_id) REFERENCES public.models(id);

ALTER TABLE ONLY public.search_model
    ADD CONSTRAINT search_model_model_id_fkey FOREIGN KEY (model_id) REFERENCES public.models(id);

ALTER TABLE ONLY public.search_settings
    ADD CONSTRAINT search_settings_model_id_fkey FOREIGN KEY (model_id) REFERENCES public.models(id) ON DELETE CASCADE;
