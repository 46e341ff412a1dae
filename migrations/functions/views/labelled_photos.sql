-- requires: photo_labels
create or replace view labelled_photos as
  select l.photo_id, m.name || '@' || m.precision as model, l.model_id,
         jsonb_object_agg(l.set_name, l.label) as labels,
         jsonb_object_agg(l.set_name, l.score) as scores
    from photo_labels l join models m on m.id = l.model_id
   group by l.photo_id, m.name, m.precision, l.model_id;
comment on view labelled_photos is
  'One row per photo and model: its label in every label set, and the score of that label.';
comment on column labelled_photos.photo_id is 'The photo.';
comment on column labelled_photos.model is 'The model, as name@precision.';
comment on column labelled_photos.model_id is 'Id of the model.';
comment on column labelled_photos.labels is 'Label by set: {"taken_time": "night"}.';
comment on column labelled_photos.scores is 'Score of that label by set.';
