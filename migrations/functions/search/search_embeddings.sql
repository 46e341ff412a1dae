create or replace function search_embeddings(
  of_model integer, query vector, k integer, skip integer, labels jsonb, filters jsonb, except_photo text default null,
  kind text default null, min_score double precision default null,
  after_score double precision default null, after_photo text default null, correction_weight double precision default null
) returns table (rank bigint, photo_id text, score double precision, correction double precision) language plpgsql stable
-- A page of hits. Postgres expects 1000, for which a join reads all photos instead of looking the hits up.
rows 50
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
comment on function search_embeddings is
  'Nearest photos of one model by id; people use search_photos and similar_photos. kind: text or image, the origin of the query vector; null: query_kind tells. An index, where search_settings names one, only selects candidates; scores are exact, and where it selects too few although it has not come down to min_score, all photos are compared. correction_weight: of texts only; hits go by score less correction, which is this share of the photo''s similarity to reference texts (see reference_scores). Null: the share that is set for the model, which may be 0; the correction of a hit is null where hits go by score.';
