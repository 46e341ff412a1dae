-- Search by an index or by comparing all photos, with a least score and with pages that go on after a hit.

-- Loads pgvector: its settings, which a function below sets for itself, are only then known to people who are no superusers.
do $$ begin perform '[0]'::vector; end $$;

drop function search_photos(vector, integer, integer, jsonb, jsonb, text);
drop function similar_photos(text, integer, integer, jsonb, jsonb, text);
drop function search_embeddings(integer, vector, integer, integer, jsonb, jsonb, text);

create function expected_matches(of_model integer, labels jsonb, filters jsonb) returns double precision
language plpgsql volatile strict as $$
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
comment on function expected_matches is 'For how many photos of a model the planner expects conditions to hold: an estimate, of which no photo is read.';

create function search_plan(
  of_model integer, k integer, skip integer, labels jsonb, filters jsonb, kind text,
  out ways text[], out index_name text, out distance text, out effort integer, out candidates bigint, out depth bigint,
  out conditions text, out needs_photos boolean
) language plpgsql stable as $$
declare
  settings search_settings;
  dimension integer;
  opclass name;
  matches double precision;
begin
  select made.conditions, made.needs_photos into conditions, needs_photos
    from search_conditions(of_model, labels, filters) as made;
  -- Half precision is twice as fast, and needs candidates beyond those asked for; so many are not worth carrying along.
  ways := case when k::bigint + skip <= 5000 then array['half', 'single'] else array['single'] end;

  select s.* into settings from search_settings s
    join pg_index i on i.indexrelid = to_regclass(quote_ident(s.index_name)) and i.indrelid = to_regclass('embeddings_m' || of_model)
   where s.model_id = of_model and s.query_kind = kind and i.indisvalid;
  if not found then
    return;
  end if;
  -- Two indexes of one model have different operators, so that the planner cannot take one for the other. That of a text index
  -- orders by fewer dimensions: it takes more candidates to have the nearest among them.
  distance := text_index_distance(settings.index_name);
  candidates := case when distance is null then 4 else least(20, greatest(4, 1000 / greatest(k, 10))) end * greatest(k, 10)::bigint;
  if distance is null then
    select c.opcname, m.dimension into opclass, dimension from pg_index i join pg_opclass c on c.oid = i.indclass[0]
      join models m on m.id = of_model where i.indexrelid = to_regclass(quote_ident(settings.index_name));
    distance := format('(e.embedding::halfvec(%s) %s $10)', dimension, case opclass when 'halfvec_cosine_ops' then '<=>' else '<#>' end);
  end if;
  -- All pages that an index serves are cut from the same candidates, so that they fit together. 1000 is the most of hnsw.
  if k::bigint + skip > candidates or candidates > 1000 then
    return;
  end if;
  depth := candidates;
  if conditions <> '' then
    matches := expected_matches(of_model, coalesce(labels, '[]'), coalesce(filters, '[]'));
    -- Among so many twice the candidates are expected. Where conditions leave few photos, more would be read than compared.
    depth := 2 * candidates * greatest(1, coalesce(settings.photos, 0) / matches);
    if matches < 5 * depth then
      return;
    end if;
  end if;
  -- Tuned for the ten nearest. Hits that lie deeper, and those that fulfil conditions, were found no worse with the same effort.
  effort := case settings.method when 'hnsw' then least(1000, greatest(settings.effort, candidates)) else settings.effort end;
  index_name := settings.index_name;
  ways := settings.method || ways;
end $$;
comment on function search_plan is
  'How search_embeddings answers. ways: what is tried, in this order, until an answer is certain to be whole; ivfflat and hnsw: so many candidates from index_name, by its distance, with effort (probes, ef_search), among the depth nearest; half, single: all photos compared, in half precision first or in single precision at once. And the conditions as search_conditions gives them.';

create function search_statement(of_model integer, way text, index_distance text, conditions text, needs_photos boolean)
returns text language plpgsql immutable as $$
declare
  by_index constant boolean := way in ('ivfflat', 'hnsw');
  distance constant text := case way
    when 'single' then '(e.embedding::vector <=> $1)'
    when 'half' then '(e.embedding <=> $10)'
    else index_distance end;
  source text := format('from embeddings e %s where e.model_id = %s and e.photo_id is distinct from $2',
                        case when needs_photos and not by_index then 'join photos p on p.photo_id = e.photo_id' end, of_model);
begin
  -- The score is computed in single precision, from the query as it is given ($1). Candidates come by another distance: to
  -- the query in half precision ($10), as an index knows it. Ties are broken outside of the LIMIT that an index serves, where
  -- a second key would keep it from being used; conditions are looked at outside of it too, so that it is read no deeper.
  if by_index then
    source := format('from (select e.photo_id, e.embedding, %s as distance %s order by distance limit $13) e %s where true',
                     distance, source, case when needs_photos then 'join photos p on p.photo_id = e.photo_id' end);
  end if;
  return format(
    'with candidates as materialized (
       select e.photo_id, %s as embedding, %s as distance %s %s %s order by %s limit $11
     ), page as (
       select photo_id, score
         from (select photo_id, 1 - %s as score from candidates) as compared
        where score <> ''NaN'' and ($7 is null or score >= $7)
          and ($8 is null or score < $8 or (score = $8 and photo_id > $9))
        order by score desc, photo_id limit $5 offset $6
     )
     select coalesce(array_agg(photo_id order by score desc, photo_id), ''{}''), array_agg(score order by score desc, photo_id),
            (select count(*) from candidates), (select 1 - max(distance) from candidates)
       from page',
    case way when 'single' then 'null::halfvec' else 'e.embedding' end,
    case when by_index then 'e.distance' else distance end,
    source, conditions,
    case way
      when 'single' then format(
        'and ($7 is null or 1 - %1$s >= $7) and ($8 is null or 1 - %1$s < $8 or (1 - %1$s = $8 and e.photo_id > $9))', distance)
      when 'half' then format('and ($8 is null or 1 - %s <= $8 + $12)', distance) end,
    case way when 'single' then 'distance, e.photo_id' else 'distance' end,
    case way when 'single' then 'distance' else '(embedding::vector <=> $1)' end);
end $$;
comment on function search_statement is
  'The statement that search_embeddings runs for one way of search_plan. Parameters: query, photo left out, labels, filters, k, skip, min_score, after_score, after_photo, query in half precision, candidates, slack, depth.';

create function search_embeddings(
  of_model integer, query vector, k integer, skip integer, labels jsonb, filters jsonb, except_photo text default null,
  kind text default 'text', min_score double precision default null,
  after_score double precision default null, after_photo text default null
) returns table (rank bigint, photo_id text, score double precision) language plpgsql stable
-- Set here, so that what the function sets inside is its own. Compiling a statement takes longer than a search.
set jit = off
set hnsw.ef_search = 40 set hnsw.iterative_scan = off set ivfflat.probes = 1 set ivfflat.iterative_scan = off
set enable_seqscan = on set enable_sort = on
as $$
declare
  model_dimension integer;
  plan record;
  way text;
  direction vector;
  candidates bigint;
  slack double precision;
  ids text[];
  scores double precision[];
  seen bigint;
  reach double precision;
begin
  if k is null or k < 1 then
    raise exception 'k must be a whole number from 1, found %', coalesce(k::text, 'null') using errcode = 'UC005';
  end if;
  if skip is null or skip < 0 then
    raise exception 'skip must be a whole number from 0, found %', coalesce(skip::text, 'null') using errcode = 'UC005';
  end if;
  if kind is null or kind not in ('text', 'image') then
    raise exception 'kind must be text or image, found %', coalesce(kind, 'null') using errcode = 'UC005';
  end if;
  if (after_score is null) <> (after_photo is null) then
    raise exception 'after_score and after_photo are the score and the photo_id of one hit: give both or neither' using errcode = 'UC005';
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
  direction := l2_normalize(query);
  -- The square of a very long or very short vector is no number of single precision.
  if not vector_norm(query) between 1e-9 and 1e9 then
    query := direction;
  end if;
  -- How far two ways to compute a score may lie apart: the query was rounded, and sums of so many products in single precision
  -- put two scores model_dimension x 2^-22 apart at most; four times that, to be sure.
  slack := 1.01 * vector_norm(direction - direction::halfvec::vector) + model_dimension * 2.0 ^ -20;

  plan := search_plan(of_model, k, skip, labels, filters, kind);
  foreach way in array plan.ways loop
    candidates := case way when 'single' then k::bigint + skip when 'half' then 2 * (k::bigint + skip) + 64 else plan.candidates end;
    -- What was tuned is what runs, also where the planner takes comparing all photos for cheaper.
    perform set_config('enable_seqscan', (way in ('half', 'single'))::text, true);
    perform set_config('enable_sort', (way in ('half', 'single'))::text, true);
    if way = 'ivfflat' then
      perform set_config('ivfflat.probes', plan.effort::text, true);
    elsif way = 'hnsw' then
      perform set_config('hnsw.ef_search', plan.effort::text, true);
      perform set_config('hnsw.iterative_scan', case when plan.depth > plan.effort then 'relaxed_order' else 'off' end, true);
    end if;
    execute search_statement(of_model, way, plan.distance, plan.conditions, plan.needs_photos) into ids, scores, seen, reach
      using query, except_photo, labels, filters, k, skip, min_score, after_score, after_photo,
            direction::halfvec, candidates, slack, plan.depth;
    exit when case way
      when 'single' then true
      -- What is no candidate scores less than the last hit of a full page, or less than min_score.
      when 'half' then
        seen < candidates or coalesce(case cardinality(ids) when k then scores[k] else min_score end > reach + slack, false)
      -- Fewer: where few photos near the query fulfil the conditions, those that do lie elsewhere.
      else cardinality(ids) = k end;
  end loop;
  return query select skip + found.position, found.id, found.score
                 from unnest(ids, scores) with ordinality as found (id, score, position);
end $$;
comment on function search_embeddings is
  'Nearest photos of one model by id; search_photos and similar_photos are what people use. kind: text or image, what the query vector was made of. An index, where search_settings names one, only chooses candidates; scores are exact, and where it gives too few, all photos are compared.';

create function search_photos(
  query vector, k integer default 10, skip integer default 0,
  labels jsonb default '[]', filters jsonb default '[]', model text default null,
  min_score double precision default null, after_score double precision default null, after_photo text default null,
  kind text default 'text'
) returns table (rank bigint, photo_id text, score double precision, description text, photographer text, photo_url text)
language sql stable as $$
  select hit.rank, hit.photo_id, hit.score,
         coalesce(p.photo_description, p.ai_description), p.photographer_username, p.photo_url
    from search_embeddings(
           model_id_of(search_photos.model), search_photos.query, search_photos.k, search_photos.skip,
           search_photos.labels, search_photos.filters, null, search_photos.kind,
           search_photos.min_score, search_photos.after_score, search_photos.after_photo) as hit
    left join photos p on p.photo_id = hit.photo_id
   order by hit.rank
$$;
comment on function search_photos is
  'Photos nearest to a vector: score is the cosine similarity, ties go by photo_id. skip leaves out the first so many; after_score and after_photo go on after a hit; min_score leaves out what is less similar. labels: [{"set":"taken_time","label":"night","min_score":0.5}], several of one set mean any of them. filters: [{"column":"exif_iso","operator":">=","value":"800"}], all must hold. model: name or name@precision, by default the one chosen for searches. kind: text or image, what the vector was made of.';

create function similar_photos(
  photo_id text, k integer default 10, skip integer default 0,
  labels jsonb default '[]', filters jsonb default '[]', model text default null,
  min_score double precision default null, after_score double precision default null, after_photo text default null
) returns table (rank bigint, similar_id text, score double precision, description text, photographer text, photo_url text)
language plpgsql stable as $$
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
comment on function similar_photos is
  'Photos nearest to a photo that is embedded, itself left out. The other parameters are those of search_photos.';
