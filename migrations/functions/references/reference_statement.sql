create or replace function reference_statement(of_set reference_sets, condition text, conflict text) returns text
language sql immutable as $$
  -- The texts are read once; a value of that length lies apart from its row.
  select format(
    'with texts as materialized (
       select l2_normalize(t.embedding) as text from reference_texts t where t.version = %1$s
     )
     insert into reference_scores as s (version, photo_id, top_mean)
     select %1$s, photos.photo_id, near.top_mean
       from (select e.photo_id, l2_normalize(e.embedding::vector) as photo from embeddings e
              where e.model_id = %2$s and %4$s offset 0) as photos
      cross join lateral (
        select avg(score)::real as top_mean
          from (select -(photos.photo <#> texts.text) as score from texts order by score desc limit %3$s) as nearest) as near
      order by photos.photo_id
     on conflict (version, photo_id) %5$s',
    of_set.version, of_set.model_id, of_set.k, condition, conflict)
$$;
comment on function reference_statement is
  'Part of reference_batch and reference_page: a statement that compares the photos of a condition with the texts of a reference set. It takes the values of the condition as $1 and $2.';
