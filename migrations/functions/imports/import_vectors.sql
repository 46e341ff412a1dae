create or replace function import_vectors(
  of_model integer, photo_ids text[], vectors halfvec[], out added bigint, out replaced bigint
) language plpgsql as $$
declare
  written bigint;
begin
  -- As record_outcome does: a worker must not record a failure of a photo whose embedding it does not see.
  perform from photos p where p.photo_id = any (photo_ids) order by p.photo_id for no key update;
  select count(*) into replaced
    from unnest(photo_ids, vectors) as given (photo_id, vector)
    join embeddings e on e.model_id = of_model and e.photo_id = given.photo_id
   where e.embedding <> given.vector;
  -- As drop_stale_labels does, but before rows are locked: two sessions that replace embeddings cannot deadlock.
  if replaced > 0 then
    perform label_lock(of_model, true);
  end if;
  -- A trigger deletes the labels of an embedding that is replaced.
  insert into embeddings as e (model_id, photo_id, embedding)
  select of_model, given.photo_id, given.vector
    from unnest(photo_ids, vectors) as given (photo_id, vector)
   where exists (select from photos p where p.photo_id = given.photo_id)
   order by given.photo_id collate "C"
  on conflict (model_id, photo_id) do update set embedding = excluded.embedding
   where e.embedding <> excluded.embedding;
  get diagnostics written = row_count;
  delete from failures f where f.model_id = of_model and f.photo_id = any (photo_ids);
  perform label_trained_sets(of_model, photo_ids);
  added := written - replaced;
end $$;
comment on function import_vectors is
  'Writes vectors of photos that were made elsewhere, one per photo id. Writing the same ones twice changes nothing. Returns how many photos had no vector of the model, and how many had another one.';
