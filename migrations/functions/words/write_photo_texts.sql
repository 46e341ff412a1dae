-- Without jit: on a table that was never analysed the estimates are far off, and compiling took 1.3 s a statement.
create or replace function write_photo_texts(photo_ids text[]) returns void language plpgsql set jit = off as $$
declare
  configuration constant regconfig := text_configuration();
begin
  if cardinality(photo_ids) = 0 then
    return;
  end if;
  -- Two transactions may write the description and the keywords of one photo. The second waits here, and computes what it
  -- sees then. Always in the order of the ids, so that the two cannot deadlock.
  insert into photo_texts (photo_id)
  select distinct id from unnest(photo_ids) as given (id) order by id on conflict (photo_id) do nothing;
  perform from photo_texts t where t.photo_id = any (photo_ids) order by t.photo_id for update;
  -- The array restricts a column of a table: the collation of what photo_words returns fits no index, and a plan for any
  -- array would compare every row of photo_texts with every id. offset 0: computed once, not for the comparison and again.
  update photo_texts t set words = now_is.words
    from photo_texts given
   cross join lateral (
     select w.words from photo_words(configuration) w where w.photo_id = given.photo_id offset 0) as now_is
   where given.photo_id = any (photo_ids) and t.photo_id = given.photo_id and t.words <> now_is.words;
end $$;
comment on function write_photo_texts is 'Computes the words of these photos again.';
