create or replace function filter_condition(entry jsonb, n integer, of_model integer, out condition text, out needs_photos boolean)
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
comment on function filter_condition is
  'Part of search_conditions: one entry of filters, and whether it reads the table photos.';
