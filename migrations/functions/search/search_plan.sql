create or replace function search_plan(
  of_model integer, k integer, skip integer, labels jsonb, filters jsonb, kind text, corrected boolean default false,
  out ways text[], out method text, out index_name text, out distance text, out effort integer, out candidates bigint,
  out depth bigint, out conditions text, out needs_photos boolean,
  out deep_effort integer, out deep_depth bigint, out drawn_percent double precision
) language plpgsql stable as $$
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
end $$;
comment on function search_plan is
  'Part of search_embeddings: how it answers. ways: tried in this order until a complete answer is certain; ivfflat and hnsw: candidates from index_name, by its distance, with effort (probes, ef_search), among the depth nearest; far: the same without conditions, as deep as hits that are corrected are looked for; deep: the same index with deep_effort among the deep_depth nearest and, where too few of those pass, a random drawn_percent of all photos; half, single: all photos compared, first in half precision or directly in single precision. conditions, needs_photos: as search_conditions returns them.';
