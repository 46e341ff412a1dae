-- Zero-shot labels in versions: a changed label set is predicted next to the labels that readers see, and replaces them at once.

create sequence label_versions as integer;
comment on sequence label_versions is 'Numbers the definitions of label sets: each changed definition is a new version.';

create table label_sets (
  model_id integer not null references models,
  name text not null,
  template text not null,
  labels text[] not null,
  created_at timestamptz not null default now(),
  version integer not null default nextval('label_versions'),
  primary key (model_id, name),
  unique (version)
);
comment on table label_sets is 'Zero-shot label sets as readers see them now, one row per model and set.';
comment on column label_sets.model_id is 'The model.';
comment on column label_sets.name is 'Name of the set, such as taken_time.';
comment on column label_sets.template is 'Template of the prompts; {label} stands for the label.';
comment on column label_sets.labels is 'The labels, in order.';
comment on column label_sets.created_at is 'When this definition became current.';
comment on column label_sets.version is 'Selects the rows of label_rows that hold the labels of this set.';

create table label_prompts (
  model_id integer not null,
  set_name text not null,
  position integer not null,
  label text not null,
  prompt text not null,
  embedding vector not null check (vector_norm(embedding) > 0),
  primary key (model_id, set_name, position),
  foreign key (model_id, set_name) references label_sets on delete cascade
);
comment on table label_prompts is 'The prompt of each label and its text embedding.';
comment on column label_prompts.model_id is 'The model.';
comment on column label_prompts.set_name is 'Name of the label set.';
comment on column label_prompts.position is 'Position of the label in its set, from 1.';
comment on column label_prompts.label is 'The label.';
comment on column label_prompts.prompt is 'The template with the label filled in.';
comment on column label_prompts.embedding is 'Text embedding of the prompt.';

create table label_changes (
  model_id integer not null,
  set_name text not null,
  version integer not null unique default nextval('label_versions'),
  template text not null,
  labels text[] not null,
  prompts vector[] not null,
  complete boolean not null default false,
  started_at timestamptz not null default now(),
  primary key (model_id, set_name),
  foreign key (model_id, set_name) references label_sets on delete cascade
);
comment on table label_changes is
  'Changed definitions of label sets that are not current yet: photos are labelled under them, unseen by readers, until label_switch.';
comment on column label_changes.model_id is 'The model.';
comment on column label_changes.set_name is 'Name of the label set.';
comment on column label_changes.version is 'Selects the rows of label_rows that are labelled under this definition.';
comment on column label_changes.template is 'Template of the prompts; {label} stands for the label.';
comment on column label_changes.labels is 'The labels, in order.';
comment on column label_changes.prompts is 'Embeddings of the prompts, in the order of the labels.';
comment on column label_changes.complete is 'Every photo has a label under this definition, so it may become current.';
comment on column label_changes.started_at is 'When the definition was stored.';

create table label_ranges (
  version integer not null,
  first_block bigint not null,
  end_block bigint not null,
  primary key (version, first_block)
);
comment on table label_ranges is
  'Ranges of disk blocks of a model''s embeddings whose photos still need labels. A session that labels a range deletes its row in the same transaction.';
comment on column label_ranges.version is 'Version of the definition.';
comment on column label_ranges.first_block is 'First block of the range.';
comment on column label_ranges.end_block is 'First block after the range.';

-- No foreign keys: their triggers would cost more than the labels do. Rows of a version that no longer exists are not read.
create table label_rows (
  version integer not null,
  model_id integer not null,
  set_name text not null,
  photo_id text collate "C" not null,
  label text not null,
  score real not null,
  scores real[] not null,
  primary key (version, photo_id)
);
comment on table label_rows is
  'The label of each photo under each version of a label set. Read photo_labels, which has the current versions only.';
comment on column label_rows.version is 'Version of the definition.';
comment on column label_rows.model_id is 'The model.';
comment on column label_rows.set_name is 'Name of the label set.';
comment on column label_rows.photo_id is 'The photo.';
comment on column label_rows.label is 'The label with the largest logit.';
comment on column label_rows.score is 'Score of that label.';
comment on column label_rows.scores is 'Scores of all labels, in the order of the set.';
create index label_rows_by_label on label_rows (version, label);
