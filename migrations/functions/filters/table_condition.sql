create or replace function table_condition(entry jsonb, n integer, subject text) returns text language plpgsql stable as $$
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
end $$;
comment on function table_condition is
  'Part of search_conditions: a keyword, a collection or a color of the datasets tables.';
