-- A tsvector holds 1 MB at most, and a photo is not refused for a longer text: each part is cut far above what real ones have.
create or replace function photo_words(configuration regconfig)
returns table (photo_id text, words tsvector) language sql stable as $$
  select t.photo_id,
         setweight(to_tsvector(configuration, left(concat_ws(' . ', p.photo_title, p.photo_description), 20000)), 'A')
         || setweight(to_tsvector(configuration, left(concat_ws(' . ', p.ai_description, k.by_people), 20000)), 'B')
         || setweight(to_tsvector(configuration, left(concat_ws(' . ', p.ai_primary_landmark_name, p.photo_location_name,
              p.photo_location_city, p.photo_location_country), 20000)), 'C')
         || setweight(to_tsvector(configuration, left(coalesce(k.by_machines, ''), 20000)), 'D')
    from photo_texts t
    left join photos p on p.photo_id = t.photo_id
    left join lateral (
      select string_agg(keyword, ' . ' order by keyword collate "C") filter (where suggested_by_user) as by_people,
             string_agg(keyword, ' . ' order by keyword collate "C") filter (where suggested_by_user is not true) as by_machines
        from photo_keywords where photo_keywords.photo_id = t.photo_id) as k on true
$$;
comment on function photo_words is
  'The words of every photo of photo_texts, computed from photos and photo_keywords.';
