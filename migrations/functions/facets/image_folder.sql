create or replace function image_folder(image_url text) returns text[] language sql immutable strict parallel safe as $$
  select case when image_url like 'file:%' or image_url like 's3:%' then string_to_array(regexp_replace(image_url, '/[^/]*$', ''), '/') end
$$;
comment on function image_folder is
  'Part of search_facets: the folder of an image file or object, by its names from the outside in; null for other addresses.';
