create or replace function matching_photos(filters jsonb) returns setof text language plpgsql stable as $$
begin
  -- The conditions read the filters from $4.
  return query execute format(
    'select p.photo_id from photos p cross join lateral (select p.photo_id) as e where true %s order by p.photo_id',
    (select made.conditions from search_conditions(null, '[]', filters) as made))
    using null::text, null::text, null::jsonb, filters;
end $$;
comment on function matching_photos is
  'Ids of all photos that meet every filter, embedded or not. filters: as in search_photos, such as [{"column": "exif_iso", "operator": ">", "value": "800"}].';
