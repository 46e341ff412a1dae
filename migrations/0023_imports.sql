-- Vectors that were made elsewhere. Their photos may have no address.
create table imports (
  model_id integer not null references models on delete cascade,
  digest bytea not null check (length(digest) = 32),
  source text not null,
  rows_done bigint not null default 0 check (rows_done >= 0),
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (model_id, digest)
);
comment on table imports is
  'Imports of vectors that were made elsewhere, one row per model and input. That the model made the vectors is what the user says.';
comment on column imports.model_id is 'The model that the vectors are of, in the revision that is known here.';
comment on column imports.digest is 'SHA-256 of what identifies the input: names, sizes and times of its files, and the options that say how to read it.';
comment on column imports.source is 'The input as it was given, for people.';
comment on column imports.rows_done is 'Rows of the input that are dealt with, bad ones included. An import that was stopped continues there.';
comment on column imports.started_at is 'When the import began; of one that is repeated, the last time.';
comment on column imports.finished_at is 'When it was done; null: it was stopped, or is under way.';

comment on column photos.photo_image_url is
  'Address from which the image is downloaded. Empty: unknown, as of photos that came with imported vectors.';
