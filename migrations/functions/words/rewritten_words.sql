create or replace function rewritten_words() returns trigger language plpgsql as $$
begin
  perform rewrite_photo_texts();
  return null;
end $$;
comment on function rewritten_words is 'Trigger: updates photo_texts after photos or photo_keywords were truncated.';

create or replace trigger words_of_no_photos after truncate on photos for each statement execute function rewritten_words();
create or replace trigger words_of_no_keywords after truncate on photo_keywords for each statement execute function rewritten_words();
