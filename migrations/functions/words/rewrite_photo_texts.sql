create or replace function rewrite_photo_texts() returns bigint language plpgsql as $$
declare
  written bigint;
begin
  -- Sessions that write photos or keywords wait for this lock, and then compute with the language that is set by then.
  lock table photo_texts in share row exclusive mode;
  insert into photo_texts (photo_id)
  select photo_id from photos union select photo_id from photo_keywords on conflict (photo_id) do nothing;
  update photo_texts t set words = now_is.words
    from photo_words(text_configuration()) as now_is where t.photo_id = now_is.photo_id and t.words <> now_is.words;
  get diagnostics written = row_count;
  return written;
end $$;
comment on function rewrite_photo_texts is 'Computes the words of all photos again. Returns how many changed.';
