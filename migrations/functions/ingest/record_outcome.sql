create or replace function record_outcome(
  batch_id text, of_model integer,
  embedded_ids text[], vectors text[], stored_keys text[],
  failed_ids text[], codes text[], messages text[], attempt_counts integer[],
  set_names text[]
) returns void language plpgsql as $$
declare
  of_set text;
begin
  -- One after the other for the same batch, and for the same photo: else one worker could record a failure while another,
  -- unseen, records the embedding. Always in the order of the ids, so that two batches cannot deadlock.
  perform from batches where id = batch_id for update;
  perform from photos where photo_id = any (embedded_ids || failed_ids) order by photo_id for no key update;

  -- As drop_stale_labels does, but before rows are locked: two workers that replace embeddings cannot deadlock.
  if exists (select from embeddings e where e.model_id = of_model and e.photo_id = any (embedded_ids)) then
    perform label_lock(of_model, true);
  end if;

  -- A trigger deletes the labels of an embedding that is replaced.
  insert into embeddings as e (model_id, photo_id, embedding, stored_key)
  select of_model, photo_id, vector_text::halfvec, key
    from unnest(embedded_ids, vectors, stored_keys) as new (photo_id, vector_text, key)
   order by photo_id collate "C"
  on conflict (model_id, photo_id) do update
     set embedding = excluded.embedding, stored_key = coalesce(excluded.stored_key, e.stored_key)
   where e.embedding is distinct from excluded.embedding
      or (excluded.stored_key is not null and e.stored_key is distinct from excluded.stored_key);
  delete from failures where model_id = of_model and photo_id = any (embedded_ids);

  insert into failures as f (model_id, photo_id, code, message, attempts)
  select of_model, photo_id, code, message, attempts
    from unnest(failed_ids, codes, messages, attempt_counts) as new (photo_id, code, message, attempts)
   where not exists (select from embeddings e where e.model_id = of_model and e.photo_id = new.photo_id)
   order by photo_id collate "C"
  on conflict (model_id, photo_id) do update
     set code = excluded.code, message = excluded.message, attempts = excluded.attempts, failed_at = now()
   where (f.code, f.message, f.attempts) is distinct from (excluded.code, excluded.message, excluded.attempts);

  foreach of_set in array set_names loop
    perform label_batch(of_model, of_set, embedded_ids);
  end loop;
  perform count_batch(batch_id);
end $$;
comment on function record_outcome is
  'Writes the outcome of a batch: embeddings, failures, labels, counts. Writing the same outcome twice changes nothing.';
