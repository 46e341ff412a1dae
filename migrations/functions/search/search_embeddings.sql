create or replace function search_embeddings(
  of_model integer, query vector, k integer, skip integer, labels jsonb, filters jsonb, except_photo text default null,
  kind text default null, min_score double precision default null,
  after_score double precision default null, after_photo text default null
) returns table (rank bigint, photo_id text, score double precision) language plpgsql stable
-- Set here, so that changes inside end with the function. Compiling a statement takes longer than a search. Settings of
-- pgvector cannot stand here: a user without superuser rights may only name them where pgvector is loaded already, so a
-- restore would leave the function out.
set jit = off set enable_seqscan = on set enable_sort = on
-- With less, comparing many photos that conditions select writes all embeddings into temporary files.
set work_mem = '64MB'
as $$
declare
  model_dimension integer;
  plan record;
  way text;
  direction vector;
  -- The kind of index that this way reads; null: none.
  method text;
  effort integer;
  depth bigint;
  candidates bigint;
  slack double precision;
  ids text[];
  scores double precision[];
  seen bigint;
  reach double precision;
  -- The caller's settings of pgvector.
  breadth text;
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
  -- The largest difference of two ways to compute a score: the query was rounded, and sums of model_dimension products in
  -- single precision differ by model_dimension x 2^-22 at most; four times that, to be sure.
  slack := 1.01 * vector_norm(direction - direction::halfvec::vector) + model_dimension * 2.0 ^ -20;

  plan := search_plan(of_model, k, skip, labels, filters, coalesce(kind, query_kind(of_model, direction)));
  foreach way in array plan.ways loop
    candidates := case way when 'single' then k::bigint + skip when 'half' then 2 * (k::bigint + skip) + 64 else plan.candidates end;
    method := case way when 'half' then null when 'single' then null when 'deep' then plan.ways[1] else way end;
    effort := case way when 'deep' then plan.deep_effort else plan.effort end;
    depth := case way when 'deep' then plan.deep_depth else plan.depth end;
    -- What was tuned is what runs, also where the planner takes comparing all photos for cheaper.
    perform set_config('enable_seqscan', (method is null)::text, true);
    perform set_config('enable_sort', (method is null)::text, true);
    -- pgvector is loaded by now, so its settings are known.
    if method = 'ivfflat' then
      breadth := current_setting('ivfflat.probes');
      iterative_scan := current_setting('ivfflat.iterative_scan');
      perform set_config('ivfflat.probes', effort::text, true);
      -- Where the lists hold fewer photos than candidates are wanted, more lists are read.
      perform set_config('ivfflat.iterative_scan', 'relaxed_order', true);
    elsif method = 'hnsw' then
      breadth := current_setting('hnsw.ef_search');
      iterative_scan := current_setting('hnsw.iterative_scan');
      perform set_config('hnsw.ef_search', effort::text, true);
      perform set_config('hnsw.iterative_scan', case when depth > effort then 'relaxed_order' else 'off' end, true);
    end if;
    execute search_statement(of_model, way, plan.distance, plan.conditions, plan.needs_photos, plan.drawn_percent)
       into ids, scores, seen, reach
      using query, except_photo, labels, filters, k, skip, min_score, after_score, after_photo,
            direction::halfvec, candidates, slack, depth;
    -- Back to the caller's. After an error the rollback does it.
    if method = 'ivfflat' then
      perform set_config('ivfflat.probes', breadth, true);
      perform set_config('ivfflat.iterative_scan', iterative_scan, true);
    elsif method = 'hnsw' then
      perform set_config('hnsw.ef_search', breadth, true);
      perform set_config('hnsw.iterative_scan', iterative_scan, true);
    end if;
    exit when case way
      when 'single' then true
      -- What is no candidate scores less than the last hit of a full page, or less than min_score.
      when 'half' then
        seen < candidates or coalesce(case cardinality(ids) when k then scores[k] else min_score end > reach + slack, false)
      -- Fewer: the nearest photos that fulfil the conditions may lie deeper, or elsewhere. But an index gives the nearest first:
      -- when it has come to photos below min_score, the rest are below it too, with conditions and without. Its distances and
      -- those of the scores each differ from the truth by slack.
      else (cardinality(ids) = k and (plan.conditions = '' or seen = candidates)) or coalesce(reach + 2 * slack < min_score, false) end;
  end loop;
  return query select skip + found.position, found.id, found.score
                 from unnest(ids, scores) with ordinality as found (id, score, position);
end $$;
comment on function search_embeddings is
  'Nearest photos of one model by id; people use search_photos and similar_photos. kind: text or image, the origin of the query vector; null: query_kind tells. An index, where search_settings names one, only selects candidates; scores are exact, and where it selects too few although it has not come down to min_score, all photos are compared.';
