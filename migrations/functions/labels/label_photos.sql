-- requires: label_batch, model_id_of, photo_labels
create or replace function label_photos(set_name text, model text default null) returns bigint language sql as $$
  select label_batch(model_id_of(label_photos.model), label_photos.set_name, array(
    select e.photo_id from embeddings e
     where e.model_id = model_id_of(label_photos.model)
       and not exists (select from photo_labels l where l.model_id = e.model_id
                          and l.set_name = label_photos.set_name and l.photo_id = e.photo_id)))
$$;
comment on function label_photos is
  'Labels every embedded photo that has no label of this set yet. The prompts of the set must be stored: unsplash-clip labels predict SET stores them.';
