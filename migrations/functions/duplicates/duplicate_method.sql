create or replace function duplicate_method(of_model integer, labels jsonb, filters jsonb, method text default null)
returns text language plpgsql stable as $$
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
end $$;
comment on function duplicate_method is
  'Part of near_duplicates: how it finds pairs. Unless a method is given: exact for up to 10,000 photos that fulfil labels and filters; beyond that by the index for image queries, or exact up to 100,000 photos where there is none.';
