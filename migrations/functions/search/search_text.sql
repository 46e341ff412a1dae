create or replace function search_text(
  prompt text, k integer default 10, skip integer default 0,
  labels jsonb default '[]', filters jsonb default '[]', model text default null,
  min_score double precision default null, after_score double precision default null, after_photo text default null,
  correction_weight double precision default null
) returns table (
  rank bigint, photo_id text, score double precision, description text, photographer text, photo_url text, correction double precision
) language plpgsql stable rows 50 as $$
begin
  return query
    select * from search_photos(prompt_embedding(prompt, model), k, skip, labels, filters, model,
                                min_score, after_score, after_photo, 'text', correction_weight);
end $$;
comment on function search_text is
  'Photos nearest to words whose embedding is stored; see prompt_embedding. The other parameters are those of search_photos.';
