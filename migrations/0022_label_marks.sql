-- What people say about predicted labels: which are right and which are wrong. The measured precision of labels follows from it.
create table label_marks (
  photo_id text collate "C" not null references photos on delete cascade,
  model_id integer not null references models on delete cascade,
  set_name text not null,
  label text not null,
  correct boolean not null,
  at_random boolean not null,
  marked_at timestamptz not null default now(),
  primary key (photo_id, model_id, set_name, label)
);
comment on table label_marks is
  'Predicted labels that people marked as right or wrong. Marks from before the current definition of a set (label_sets.created_at) are kept and no longer counted.';
comment on column label_marks.photo_id is 'The photo.';
comment on column label_marks.model_id is 'The model that predicted the label.';
comment on column label_marks.set_name is 'Name of the label set.';
comment on column label_marks.label is 'The predicted label.';
comment on column label_marks.correct is 'Whether the photo shows what the label says.';
comment on column label_marks.at_random is
  'Whether the photo was drawn at random. Only such marks measure the precision: photos of the lowest scores would make it too small.';
comment on column label_marks.marked_at is 'When it was last marked.';
create index label_marks_by_set on label_marks (model_id, set_name);
