create or replace function drop_stale_labels() returns trigger language plpgsql as $$
begin
  -- Nobody may be labelling from the embedding that is replaced here: that label would outlive it.
  perform label_lock(old.model_id, true);
  delete from label_rows l
   where l.photo_id = old.photo_id
     and l.version = any (array(select s.version from label_sets s where s.model_id = old.model_id
                                union all select c.version from label_changes c where c.model_id = old.model_id));
  return null;
end $$;
comment on function drop_stale_labels is
  'Trigger: deletes the labels of a photo under a model when its embedding is replaced or deleted. "labels predict", relabel and label_photos label it again.';

-- Not "is distinct from": a dump leaves the schema of its operator out, and pgvector may be in any.
create or replace trigger labels_of_replaced after update of embedding on embeddings
  for each row when (old.embedding <> new.embedding) execute function drop_stale_labels();
-- remove_photos deletes the labels of all its photos at once.
create or replace trigger labels_of_deleted after delete on embeddings
  for each row when (current_setting('unsplash_clip.removing_photos', true) is distinct from 'on') execute function drop_stale_labels();
