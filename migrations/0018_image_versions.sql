-- Which version of an image was embedded, so that a later run finds the images that have changed since; what a batch is made
-- from; and which copies of removed photos are only looked for.
create table photo_versions (
  photo_id text collate "C" not null references photos on delete cascade,
  model_id integer not null references models on delete cascade,
  url_hash bytea,
  etag text,
  last_modified text,
  length bigint,
  digest bytea,
  checked_at timestamptz,
  outcome text check (outcome in ('new', 'changed', 'unchanged', 'uncompared', 'failed')),
  failure_code text,
  failure_message text,
  primary key (photo_id, model_id)
);
comment on table photo_versions is
  'The version of an image that a model embedded, and what the last ingest --refresh found. Photos that are identified by their content have no row.';
comment on column photo_versions.photo_id is 'The photo.';
comment on column photo_versions.model_id is 'The model that embedded this version.';
comment on column photo_versions.url_hash is
  'First 128 bits of the SHA-256 of the address. ETag and Last-Modified belong to it. Null: nothing is known of the version.';
comment on column photo_versions.etag is 'ETag of the answer, as it was sent; null when there was none.';
comment on column photo_versions.last_modified is 'Last-Modified of the answer, as it was sent; null when there was none.';
comment on column photo_versions.length is 'Bytes of the original.';
comment on column photo_versions.digest is 'First 128 bits of the SHA-256 of the original.';
comment on column photo_versions.checked_at is 'When ingest --refresh last asked for the photo; null: never.';
comment on column photo_versions.outcome is
  'What it found: new (embedded for the first time), changed, unchanged, uncompared (embedded again, because nothing was known of its version), failed (the old embedding stays).';
comment on column photo_versions.failure_code is 'Why it failed, such as HTTP_404.';
comment on column photo_versions.failure_message is 'The failure, for people.';

-- A batch that the queue lost is enqueued again as what it was.

alter table batches
  add column kind text not null default 'originals' check (kind in ('originals', 'copies', 'refresh'));
comment on column batches.kind is
  'What is embedded: the original images, their stored copies, or the originals of embedded photos if they have changed.';

-- Copies that are only looked for do not count as deleted when they are not there.

alter table removed_copies add column is_certain boolean not null default true;
comment on column removed_copies.is_certain is
  'False: no embedding named the copy, but a worker that was killed may have stored it.';
