-- requires: fill_photo_metadata, record_versions
create or replace function record_outcome(
  batch_id text, of_model integer,
  embedded_ids text[], vectors text[], stored_keys text[],
  failed_ids text[], codes text[], messages text[], attempt_counts integer[],
  set_names text[], metadata jsonb default null, possible_copies jsonb default '{}', unchanged_ids text[] default '{}',
  versions jsonb default null
) returns void language plpgsql as $$
declare
  of_set text;
  refreshing boolean;
  embedded_before text[];
begin
  -- One after the other for the same batch, and for the same photo: else one worker could record a failure while another,
  -- unseen, records the embedding. Always in the order of the ids, so that two batches cannot deadlock.
  perform from batches where id = batch_id for update;
  perform from photos where photo_id = any (embedded_ids || unchanged_ids || failed_ids)
   order by photo_id for no key update;
  refreshing := coalesce((select b.kind = 'refresh' from batches b where b.id = batch_id), false);
  embedded_before := array(select e.photo_id from embeddings e where e.model_id = of_model and e.photo_id = any (embedded_ids));

  -- Nothing is written of a photo that was removed meanwhile, and its copy is to be deleted.
  insert into removed_copies (key, photo_id)
  select new.key, new.photo_id from unnest(embedded_ids, stored_keys) as new (photo_id, key)
   where new.key is not null and not exists (select from photos p where p.photo_id = new.photo_id)
  on conflict (key) do nothing;
  -- Nor does the copy stay that a worker had stored which was killed before it could tell.
  insert into removed_copies (key, photo_id, is_certain)
  select c.value, c.key, false from jsonb_each_text(possible_copies) as c
   where not exists (select from photos p where p.photo_id = c.key)
  on conflict (key) do nothing;

  insert into copy_folders (folder)
  select distinct split_part(key, '/', 1) from unnest(stored_keys) as new (key)
   where key is not null and not exists (select from copy_folders f where f.folder = split_part(key, '/', 1))
  on conflict (folder) do nothing;

  -- As drop_stale_labels does, but before rows are locked: two workers that replace embeddings cannot deadlock.
  if cardinality(embedded_before) > 0 then
    perform label_lock(of_model, true);
  end if;

  -- A trigger deletes the labels of an embedding that is replaced.
  insert into embeddings as e (model_id, photo_id, embedding, stored_key)
  select of_model, photo_id, vector_text::halfvec, key
    from unnest(embedded_ids, vectors, stored_keys) as new (photo_id, vector_text, key)
   where exists (select from photos p where p.photo_id = new.photo_id)
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
     and exists (select from photos p where p.photo_id = new.photo_id)
   order by photo_id collate "C"
  on conflict (model_id, photo_id) do update
     set code = excluded.code, message = excluded.message, attempts = excluded.attempts, failed_at = now()
   where (f.code, f.message, f.attempts) is distinct from (excluded.code, excluded.message, excluded.attempts);

  perform record_versions(of_model, refreshing, embedded_before, embedded_ids, unchanged_ids, failed_ids, codes, messages,
                          coalesce(versions, '[]'));
  if metadata is not null then
    perform fill_photo_metadata(metadata);
  end if;
  foreach of_set in array set_names loop
    perform label_batch(of_model, of_set, embedded_ids);
  end loop;
  perform label_trained_sets(of_model, embedded_ids, set_names);
  perform count_batch(batch_id);
end $$;
comment on function record_outcome is
  'Writes the outcome of a batch: embeddings, failures, versions of images (see record_versions), what the files say (see fill_photo_metadata), labels, counts. unchanged_ids: photos of a refreshing batch whose image is the embedded one. Writing the same outcome twice changes nothing. Photos that were removed meanwhile are left out. possible_copies: {photo id: key} of the other photos of the batch, whose copies may lie there; those of removed photos are listed in removed_copies.';
