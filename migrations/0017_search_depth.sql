-- Search by an index, with conditions: as deep as the photos that fulfil them lie, and exactly where those near the query do not.

create or replace function search_plan(
  of_model integer, k integer, skip integer, labels jsonb, filters jsonb, kind text,
  out ways text[], out index_name text, out distance text, out effort integer, out candidates bigint, out depth bigint,
  out conditions text, out needs_photos boolean
) language plpgsql stable as $$
declare
  settings search_settings;
  dimension integer;
  opclass name;
  photos double precision;
  share double precision;
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
  candidates := case when distance is null then 4 else least(12, greatest(4, 1000 / greatest(k, 10))) end * greatest(k, 10)::bigint;
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
  effort := case settings.method when 'hnsw' then least(1000, greatest(settings.effort, candidates)) else settings.effort end;
  if conditions <> '' then
    photos := expected_matches(of_model, '[]', '[]');
    share := least(1, greatest(1, expected_matches(of_model, coalesce(labels, '[]'), coalesce(filters, '[]'))) / photos);
    -- Among so many half as many again as the candidates are expected. Where conditions leave few photos, more would be read
    -- than compared.
    depth := 1.5 * candidates / share;
    if share * photos < 5 * depth then
      return;
    end if;
    -- What was tuned finds the ten nearest. Those among a share of the photos lie further out, in more lists.
    if settings.method = 'ivfflat' then
      effort := ceil(effort * (1 - ln(share) / 2));
    end if;
  end if;
  index_name := settings.index_name;
  ways := settings.method || ways;
end $$;
comment on function search_plan is
  'How search_embeddings answers. ways: what is tried, in this order, until an answer is certain to be whole; ivfflat and hnsw: so many candidates from index_name, by its distance, with effort (probes, ef_search), among the depth nearest; half, single: all photos compared, in half precision first or in single precision at once. And the conditions as search_conditions gives them.';


create or replace function search_embeddings(
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
      -- Fewer: the nearest photos that fulfil the conditions may lie deeper, or elsewhere.
      else cardinality(ids) = k and (plan.conditions = '' or seen = candidates) end;
  end loop;
  return query select skip + found.position, found.id, found.score
                 from unnest(ids, scores) with ordinality as found (id, score, position);
end $$;
comment on function search_embeddings is
  'Nearest photos of one model by id; search_photos and similar_photos are what people use. kind: text or image, what the query vector was made of. An index, where search_settings names one, only chooses candidates; scores are exact, and where it gives too few, all photos are compared.';
