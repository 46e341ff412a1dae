create or replace function facet_expression(facet text) returns text language sql immutable as $$
  select case facet
    when 'country' then 'p.photo_location_country'
    when 'city' then 'p.photo_location_city'
    when 'camera_make' then 'p.exif_camera_make'
    when 'camera_model' then 'p.exif_camera_model'
    when 'photographer' then 'p.photographer_username'
    when 'featured' then 'p.photo_featured::text'
    when 'orientation' then 'case when p.photo_width > p.photo_height then ''landscape''
      when p.photo_width < p.photo_height then ''portrait'' when p.photo_width = p.photo_height then ''square'' end'
    when 'year' then 'to_char(p.photo_submitted_at, ''YYYY'')'
    when 'month' then 'to_char(p.photo_submitted_at, ''YYYY-MM'')'
    when 'iso' then 'case when p.exif_iso <= 100 then ''up to 100'' when p.exif_iso <= 200 then ''101 to 200''
      when p.exif_iso <= 400 then ''201 to 400'' when p.exif_iso <= 800 then ''401 to 800''
      when p.exif_iso <= 1600 then ''801 to 1600'' when p.exif_iso <= 3200 then ''1601 to 3200''
      when p.exif_iso <= 6400 then ''3201 to 6400'' when p.exif_iso > 6400 then ''over 6400'' end'
    -- Below the folder that all have in common; depth is its length.
    when 'folder' then 'case when cardinality(b.folder) > common.depth
      then array_to_string((b.folder)[1:common.depth + 1], ''/'') || ''/'' end'
  end
$$;
comment on function facet_expression is
  'Part of search_facets: the value of a metadata facet, as SQL over photos p, or for the folder over b.folder and common; null for a name that is no facet.';
