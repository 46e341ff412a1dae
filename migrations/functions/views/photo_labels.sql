create or replace view photo_labels as
  select model_id, set_name, photo_id, label, score, scores from label_rows
   where version = any (array(select version from label_sets));
comment on view photo_labels is
  'The label of each photo in each label set: the one with the largest logit, which has the highest score.';
comment on column photo_labels.model_id is 'Id of the model.';
comment on column photo_labels.set_name is 'Name of the label set.';
comment on column photo_labels.photo_id is 'The photo.';
comment on column photo_labels.label is 'The label.';
comment on column photo_labels.score is 'Score of the label.';
comment on column photo_labels.scores is
  'Scores of all labels, in the order of the set. Of a softmax model they add up to 1; those of a sigmoid model are independent of each other.';
