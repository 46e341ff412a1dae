-- requires: model_id_of, search_embeddings
create or replace function search_photos(
  query vector, k integer default 10, skip integer default 0,
  labels jsonb default '[]', filters jsonb default '[]', model text default null,
  min_score double precision default null, after_score double precision default null, after_photo text default null,
  kind text default null, correction_weight double precision default null
) returns table (
  rank bigint, photo_id text, score double precision, description text, photographer text, photo_url text, correction double precision
) language sql stable rows 50 as $$
  select hit.rank, hit.photo_id, hit.score,
         coalesce(p.photo_description, p.ai_description), p.photographer_username, p.photo_url, hit.correction
    from search_embeddings(
           model_id_of(search_photos.model), search_photos.query, search_photos.k, search_photos.skip,
           search_photos.labels, search_photos.filters, null, search_photos.kind,
           search_photos.min_score, search_photos.after_score, search_photos.after_photo,
           search_photos.correction_weight) as hit
    left join photos p on p.photo_id = hit.photo_id
   order by hit.rank
$$;
comment on function search_photos is
  'Photos nearest to a vector: score is the cosine similarity, ties by photo_id. skip omits the first hits; after_score and after_photo continue after a hit; min_score omits less similar photos. labels: [{"set":"taken_time","label":"night","min_score":0.5}], several of one set mean any of them. filters: [{"column":"exif_iso","operator":">=","value":"800"}], all must hold. model: name or name@precision, by default the one chosen for searches. kind: text or image, the origin of the vector; by default query_kind tells. correction_weight: for kind text, the share of each photo''s similarity to reference texts that the order subtracts from its score, from 0 to 2; by default the one of use_correction. correction: what was subtracted; null where the order is that of the scores.';
