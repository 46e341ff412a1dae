-- Reciprocal rank fusion: score = sum over the lists of weight / (rrf_k + rank). G. V. Cormack, C. L. A. Clarke, S. Büttcher,
-- "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods", SIGIR 2009, whose k is 60.
create or replace function search_hybrid(
  prompt text, k integer default 10, skip integer default 0,
  labels jsonb default '[]', filters jsonb default '[]', model text default null,
  min_score double precision default null,
  vector_weight double precision default 1, text_weight double precision default 1,
  rrf_k integer default 60, depth integer default 200, query vector default null, kind text default null,
  correction_weight double precision default null
) returns table (
  rank bigint, photo_id text, score double precision, vector_rank bigint, vector_score double precision,
  text_rank bigint, text_score real, description text, photographer text, photo_url text, correction double precision
) language plpgsql stable rows 50
-- Compiling the statement takes longer than a search.
set jit = off
as $$
declare
  of_model integer := model_id_of(model);
  wanted record;
  words tsquery;
  -- How many of the best texts are looked at before all.
  looked_at bigint := 2 * depth::bigint;
  -- Looking more of them up takes as long as all.
  most_looked_at constant integer := 20000;
begin
  if k is null or k < 1 then
    raise exception 'k must be a whole number from 1, found %', coalesce(k::text, 'null') using errcode = 'UC005';
  end if;
  if skip is null or skip < 0 then
    raise exception 'skip must be a whole number from 0, found %', coalesce(skip::text, 'null') using errcode = 'UC005';
  end if;
  if rrf_k is null or rrf_k < 0 then
    raise exception 'rrf_k must be a whole number from 0, found %', coalesce(rrf_k::text, 'null') using errcode = 'UC005';
  end if;
  -- What a deeper list would bring up could stand before what a page has shown already.
  if depth is null or depth < k::bigint + skip then
    raise exception 'depth must be at least k + skip = %, and the same for every page, found %', k::bigint + skip,
      coalesce(depth::text, 'null') using errcode = 'UC005';
  end if;
  if (vector_weight >= 0 and vector_weight < 'infinity' and text_weight >= 0 and text_weight < 'infinity'
      and vector_weight + text_weight > 0) is not true then
    raise exception 'vector_weight and text_weight must be numbers from 0, one of them above, found % and %',
      coalesce(vector_weight::text, 'null'), coalesce(text_weight::text, 'null') using errcode = 'UC005';
  end if;
  if prompt is null and query is null then
    raise exception 'a prompt or a query vector expected, found neither' using errcode = 'UC005';
  end if;
  select * into wanted from search_conditions(of_model, labels, filters);
  -- A list of weight 0 is not made: words alone need no vector.
  kind := case when query is null then 'text' else kind end;
  query := case when vector_weight > 0 then coalesce(query, prompt_embedding(prompt, of_model::text)) end;
  words := case when text_weight > 0 then text_query(prompt) end;

  -- Photos of equal score share a rank, and the ids must not decide among them: one word gives hundreds of thousands of equal
  -- scores. Of those as good as the last of the text list, only photos of the vector list can come onto a page, so these
  -- belong to it, too.
  -- A frequent word is in a large share of all photos. So the best come first, and which of them have an embedding of the model
  -- and fulfil the conditions is looked up afterwards; where these are too few, all that have the words are looked up.
  if wanted.conditions <> '' then
    looked_at := least(most_looked_at + 1, looked_at * greatest(1, expected_matches(of_model, '[]', '[]')
                                                           / greatest(1, expected_matches(of_model, coalesce(labels, '[]'), coalesce(filters, '[]')))));
  end if;
  return query execute format($sql$
    with by_vector as materialized (
      select near.photo_id, near.score, near.correction,
             rank() over (order by near.score - coalesce(near.correction, 0) desc) as place
        from search_embeddings(%1$s, $1, $5, 0, $3, $4, null, $6, $7, correction_weight => $13) as near where $1 is not null
    ), best_texts as materialized (
      select t.photo_id, ts_rank(t.words, $2) as score from photo_texts t
       where %4$L and t.words @@ $2 order by score desc, photo_id limit $14
    ), fitting as materialized (
      select e.photo_id, b.score from best_texts b join embeddings e on e.photo_id = b.photo_id %2$s
       where e.model_id = %1$s %3$s
    ), known as materialized (
      select %4$L and ((select count(*) from fitting) >= $5 or (select count(*) from best_texts) < $14) as enough
    ), best as materialized (
      (select photo_id, score from fitting where (select enough from known) order by score desc, photo_id limit $5)
      union all
      (select t.photo_id, ts_rank(t.words, $2) as score from photo_texts t join embeddings e on e.photo_id = t.photo_id %2$s
        where not (select enough from known) and e.model_id = %1$s and t.words @@ $2 %3$s
        order by score desc, photo_id limit $5)
    ), by_text as (
      select photo_id, score, rank() over (order by score desc) as place
        from (select photo_id, score from best
              union all
              select t.photo_id, last.score
                from by_vector v join photo_texts t on t.photo_id = v.photo_id
                     cross join (select min(score) as score, count(*) as photos from best) as last
               where last.photos = $5 and t.words @@ $2 and ts_rank(t.words, $2) = last.score
                 and t.photo_id not in (select photo_id from best)) as listed
    ), fused as (
      select photo_id, coalesce($8 / ($10 + v.place), 0) + coalesce($9 / ($10 + t.place), 0) as score,
             v.place as vector_rank, v.score as vector_score, v.correction, t.place as text_rank, t.score as text_score
        from by_vector v full join by_text t using (photo_id)
       order by score desc, photo_id limit $11 offset $12
    )
    select row_number() over (order by f.score desc, f.photo_id) + $12, f.photo_id, f.score, f.vector_rank, f.vector_score,
           f.text_rank, f.text_score, coalesce(p.photo_description, p.ai_description), p.photographer_username, p.photo_url, f.correction
      from fused f left join photos p on p.photo_id = f.photo_id
     order by f.score desc, f.photo_id$sql$,
    of_model, case when wanted.needs_photos then 'join photos p on p.photo_id = e.photo_id' end, wanted.conditions,
    looked_at <= most_looked_at)
    using query, words, labels, filters, depth, kind, min_score, vector_weight, text_weight, rrf_k::double precision, k, skip, correction_weight, looked_at;
end $$;
comment on function search_hybrid is
  'Photos by meaning and by words: the depth nearest by vector and the depth best by full text, fused by reciprocal rank (score = vector_weight / (rrf_k + vector_rank) + text_weight / (rrf_k + text_rank), SIGIR 2009), ties by photo_id. A rank is null where the photo is not in that list; a prompt of stop words only has no text list. min_score cuts the vector list. labels, filters, model: as in search_photos. query: the vector to search for, by default that of the prompt; kind, correction_weight: as in search_photos; correction: what the order of the vector list subtracts from vector_score.';
