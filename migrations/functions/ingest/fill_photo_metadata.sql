create or replace function fill_photo_metadata(of_files jsonb) returns void language plpgsql as $$
begin
  -- Null is filled, and nothing known is replaced: rows of the dataset keep their values. A size or a place is filled as a
  -- whole.
  update photos p
     set photo_submitted_at = coalesce(p.photo_submitted_at, f.photo_submitted_at),
         exif_time_offset = case when p.photo_submitted_at is null then f.exif_time_offset else p.exif_time_offset end,
         photo_width = case when p.photo_width is null and p.photo_height is null then f.photo_width else p.photo_width end,
         photo_height = case when p.photo_width is null and p.photo_height is null then f.photo_height else p.photo_height end,
         photo_aspect_ratio = coalesce(p.photo_aspect_ratio,
           case when p.photo_width is null and p.photo_height is null then f.photo_aspect_ratio end),
         photo_location_latitude = case when p.photo_location_latitude is null and p.photo_location_longitude is null
           then f.photo_location_latitude else p.photo_location_latitude end,
         photo_location_longitude = case when p.photo_location_latitude is null and p.photo_location_longitude is null
           then f.photo_location_longitude else p.photo_location_longitude end,
         photo_title = coalesce(p.photo_title, f.photo_title),
         photo_description = coalesce(p.photo_description, f.photo_description),
         photo_rating = coalesce(p.photo_rating, f.photo_rating),
         photographer_username = coalesce(p.photographer_username, f.photographer_username),
         photo_location_name = coalesce(p.photo_location_name, f.photo_location_name),
         photo_location_city = coalesce(p.photo_location_city, f.photo_location_city),
         photo_location_country = coalesce(p.photo_location_country, f.photo_location_country),
         exif_camera_make = coalesce(p.exif_camera_make, f.exif_camera_make),
         exif_camera_model = coalesce(p.exif_camera_model, f.exif_camera_model),
         exif_lens = coalesce(p.exif_lens, f.exif_lens),
         exif_iso = coalesce(p.exif_iso, f.exif_iso),
         exif_aperture_value = coalesce(p.exif_aperture_value, f.exif_aperture_value),
         exif_focal_length = coalesce(p.exif_focal_length, f.exif_focal_length),
         exif_exposure_time = coalesce(p.exif_exposure_time, f.exif_exposure_time),
         exif_orientation = coalesce(p.exif_orientation, f.exif_orientation)
    from jsonb_array_elements(of_files) as entry cross join jsonb_populate_record(null::photos, entry) as f
   where p.photo_id = f.photo_id
     and exists (select from jsonb_object_keys(entry) as key where to_jsonb(p) -> key = 'null');

  insert into photo_keywords (photo_id, keyword, suggested_by_user, user_suggestion_source)
  select f.photo_id, keyword, true, 'file'
    from jsonb_to_recordset(of_files) as f (photo_id text, keywords text[]) cross join unnest(f.keywords) as keyword
   where exists (select from photos p where p.photo_id = f.photo_id)
   order by f.photo_id collate "C", keyword collate "C"
  on conflict (photo_id, keyword) do nothing;
end $$;
comment on function fill_photo_metadata is
  'Part of record_outcome: fills unknown metadata columns of photos with what their files say, and adds the keywords of the files. of_files: an array of objects with photo_id, columns of photos, and keywords.';
