create or replace function rewrite_photo_texts() returns bigint language plpgsql as $$
declare
  configuration regconfig;
  written bigint;
begin
  -- Sessions that write photos or keywords wait for this lock, and then compute with the language that is set by then.
  lock table photo_texts in share row exclusive mode;
  configuration := text_configuration();
  insert into photo_texts (photo_id)
  select photo_id from photos union select photo_id from photo_keywords on conflict (photo_id) do nothing;
  -- offset 0: computed once, not for the comparison and again.
  update photo_texts t set words = now_is.words
    from (select photo_id, words from photo_words(configuration) offset 0) as now_is
   where t.photo_id = now_is.photo_id and t.words <> now_is.words;
  get diagnostics written = row_count;
  return written;
end $$;
comment on function rewrite_photo_texts is 'Computes the words of all photos again. Returns how many changed.';
