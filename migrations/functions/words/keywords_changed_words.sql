create or replace function keywords_changed_words() returns trigger language plpgsql as $$
begin
  -- remove_photos deletes the words too.
  if tg_op = 'DELETE' and current_setting('unsplash_clip.removing_photos', true) = 'on' then
    return null;
  end if;
  if tg_op = 'INSERT' then
    perform write_photo_texts(array(select distinct photo_id from new_rows));
  elsif tg_op = 'DELETE' then
    perform write_photo_texts(array(select distinct photo_id from old_rows));
  else
    perform write_photo_texts(array(select photo_id from new_rows union select photo_id from old_rows));
  end if;
  return null;
end $$;
comment on function keywords_changed_words is 'Trigger: updates photo_texts after a change of photo_keywords.';

create or replace trigger words_of_new_keywords after insert on photo_keywords
  referencing new table as new_rows for each statement execute function keywords_changed_words();
create or replace trigger words_of_changed_keywords after update on photo_keywords
  referencing old table as old_rows new table as new_rows for each statement execute function keywords_changed_words();
create or replace trigger words_of_gone_keywords after delete on photo_keywords
  referencing old table as old_rows for each statement execute function keywords_changed_words();
