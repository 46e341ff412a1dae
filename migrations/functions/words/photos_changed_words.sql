create or replace function photos_changed_words() returns trigger language plpgsql as $$
declare
  changed text[];
begin
  -- remove_photos deletes the words too.
  if tg_op = 'DELETE' and current_setting('unsplash_clip.removing_photos', true) = 'on' then
    return null;
  end if;
  if tg_op = 'INSERT' then
    changed := array(select photo_id from new_rows);
  elsif tg_op = 'DELETE' then
    changed := array(select photo_id from old_rows);
  else
    changed := array(
      select coalesce(n.photo_id, o.photo_id) from new_rows n full join old_rows o on o.photo_id = n.photo_id
       where (n.photo_id, n.photo_title, n.photo_description, n.ai_description, n.ai_primary_landmark_name, n.photo_location_name,
              n.photo_location_city, n.photo_location_country)
             is distinct from
             (o.photo_id, o.photo_title, o.photo_description, o.ai_description, o.ai_primary_landmark_name, o.photo_location_name,
              o.photo_location_city, o.photo_location_country));
  end if;
  perform write_photo_texts(changed);
  return null;
end $$;
comment on function photos_changed_words is 'Trigger: updates photo_texts after a change of photos.';

create or replace trigger words_of_new_photos after insert on photos
  referencing new table as new_rows for each statement execute function photos_changed_words();
create or replace trigger words_of_changed_photos after update on photos
  referencing old table as old_rows new table as new_rows for each statement execute function photos_changed_words();
create or replace trigger words_of_gone_photos after delete on photos
  referencing old table as old_rows for each statement execute function photos_changed_words();
