create or replace function list_condition(entry jsonb, n integer, list text) returns text language plpgsql stable as $$
begin
  if jsonb_typeof(entry -> list) <> 'array'
     or exists (select from jsonb_array_elements(entry -> list) as id where jsonb_typeof(id) <> 'string') then
    raise exception '% expects an array of photo ids, found %', list, left((entry -> list)::text, 200) using errcode = 'UC001';
  end if;
  return format(' and e.photo_id %s (text_array($4 -> %s -> %L))', case list when 'photos' then '= any' else '<> all' end, n, list);
end $$;
comment on function list_condition is 'Part of search_conditions: a list of photos, or all photos except these.';
