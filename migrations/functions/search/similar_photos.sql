create or replace function similar_photos(
  photo_id text, k integer default 10, skip integer default 0,
  labels jsonb default '[]', filters jsonb default '[]', model text default null,
  min_score double precision default null, after_score double precision default null, after_photo text default null
) returns table (rank bigint, similar_id text, score double precision, description text, photographer text, photo_url text)
language plpgsql stable rows 50 as $$
declare
  of_model integer := model_id_of(model);
begin
  return query
    select hit.rank, hit.photo_id, hit.score,
           coalesce(p.photo_description, p.ai_description), p.photographer_username, p.photo_url
      from search_embeddings(
             of_model, embedding_of(of_model, similar_photos.photo_id), k, skip, labels, filters,
             similar_photos.photo_id, 'image', min_score, after_score, after_photo) as hit
      left join photos p on p.photo_id = hit.photo_id
     order by hit.rank;
end $$;
comment on function similar_photos is
  'Photos nearest to an embedded photo, which is left out. The other parameters are those of search_photos.';
