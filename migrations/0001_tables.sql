-- Models, photos, runs, and what became of each photo.
-- Ids of photos sort by their bytes wherever the database runs: ties in a search break by id.

create table models (
  id integer generated always as identity primary key,
  name text not null check (name ~ '[^0-9]' and name !~ '@'),
  precision text not null check (precision <> ''),
  revision text not null,
  dimension integer not null check (dimension between 1 and 16000),
  logit_scale double precision not null check (logit_scale > 0),
  created_at timestamptz not null default now(),
  unique (name, precision, revision)
);
comment on table models is 'Which model made an embedding: name, precision of the weights, pinned revision. People write name@precision.';

create table photos (
  photo_id text collate "C" primary key,
  photo_url text,
  photo_image_url text not null,
  photo_submitted_at timestamp,
  photo_featured boolean,
  photo_width integer,
  photo_height integer,
  photo_aspect_ratio double precision,
  photo_description text,
  photographer_username text,
  photographer_first_name text,
  photographer_last_name text,
  exif_camera_make text,
  exif_camera_model text,
  exif_iso integer,
  exif_aperture_value text,
  exif_focal_length text,
  exif_exposure_time text,
  photo_location_name text,
  photo_location_latitude double precision,
  photo_location_longitude double precision,
  photo_location_country text,
  photo_location_city text,
  stats_views bigint,
  stats_downloads bigint,
  ai_description text,
  ai_primary_landmark_name text,
  ai_primary_landmark_latitude double precision,
  ai_primary_landmark_longitude double precision,
  ai_primary_landmark_confidence double precision,
  blur_hash text,
  created_at timestamptz not null default now()
);
comment on table photos is 'Metadata of every photo: the 31 columns of the Unsplash dataset. Null: unknown.';

create table embeddings (
  model_id integer not null references models,
  photo_id text collate "C" not null references photos,
  embedding halfvec not null,
  stored_key text,
  created_at timestamptz not null default now(),
  primary key (model_id, photo_id)
) partition by list (model_id);
comment on table embeddings is 'One vector a photo and model, in half precision. Each model has a partition embeddings_m<ID>, made by register_model.';
comment on column embeddings.stored_key is 'Key of the compressed copy in the object store; null when none is kept.';

create table failures (
  model_id integer not null references models,
  photo_id text collate "C" not null references photos,
  code text not null,
  message text not null,
  attempts integer not null,
  failed_at timestamptz not null default now(),
  primary key (model_id, photo_id)
);
comment on table failures is 'Photos that failed for good, with a stable error code. A photo that is embedded has no row here.';
create index failures_by_code on failures (model_id, code);

create table label_sets (
  model_id integer not null references models,
  name text not null,
  template text not null,
  labels text[] not null,
  created_at timestamptz not null default now(),
  primary key (model_id, name)
);
comment on table label_sets is 'Zero-shot label sets, as they were last used with each model.';

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
comment on table label_prompts is 'The prompt of each label and its text embedding; position counts from 1.';

create table photo_labels (
  model_id integer not null,
  set_name text not null,
  photo_id text collate "C" not null,
  label text not null,
  score real not null,
  scores real[] not null,
  primary key (model_id, set_name, photo_id),
  foreign key (model_id, set_name) references label_sets on delete cascade
);
comment on table photo_labels is 'The label of each photo in each label set: the one with the highest score.';
comment on column photo_labels.scores is 'Scores of all labels in the order of the set; they add up to 1.';
create index photo_labels_by_label on photo_labels (model_id, set_name, label);

create table runs (
  id text primary key,
  position bigint generated always as identity,
  model_id integer not null references models,
  source text not null,
  options jsonb not null default '{}',
  created_at timestamptz not null default now(),
  enqueued_at timestamptz
);
comment on table runs is 'One row an ingest. enqueued_at is null while the producer still adds batches.';
create index runs_by_position on runs (position);

create table batches (
  id text primary key,
  run_id text not null references runs,
  model_id integer not null references models,
  photo_ids text[] not null,
  photo_count integer not null,
  done_count integer not null default 0,
  failed_count integer not null default 0,
  settled_at timestamptz
);
comment on table batches is 'Photos that travel through the queue together. The counts are computed from embeddings and failures, never incremented.';
create index batches_by_run on batches (run_id);
