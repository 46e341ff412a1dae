-- Files of photos, which are identified by their content; and compressed copies whose photo is gone.

create table photo_places (
  host text collate "C" not null,
  path text collate "C" not null,
  photo_id text collate "C" not null references photos on delete cascade,
  digest bytea not null check (length(digest) = 32),
  size bigint not null,
  mtime_ns bigint not null,
  inode bigint not null,
  recheck boolean not null,
  run_id text not null,
  recorded_at timestamptz not null default now(),
  primary key (host, path)
);
comment on table photo_places is
  'Where the photos of folders lie. Their id derives from their bytes, so equal files are one photo with several places.';
comment on column photo_places.host is 'Name of the machine that read the file (the setting PLACE_HOST).';
comment on column photo_places.path is 'Absolute path of the file on that machine.';
comment on column photo_places.photo_id is 'The photo: the first 96 bits of the digest, in base64url.';
comment on column photo_places.digest is 'SHA-256 of the bytes.';
comment on column photo_places.size is 'Size of the file, in bytes.';
comment on column photo_places.mtime_ns is 'When the file was last modified, in nanoseconds since 1970.';
comment on column photo_places.inode is 'Its inode. A file with the same path, size, time and inode is not read again.';
comment on column photo_places.recheck is
  'The file was modified less than two seconds before it was read, so a later change may show the same time: the next ingest reads it again.';
comment on column photo_places.run_id is 'The run that last read the file.';
comment on column photo_places.recorded_at is 'When it was last read.';
create index photo_places_by_photo on photo_places (photo_id);

create table removed_copies (
  key text primary key,
  photo_id text collate "C" not null,
  removed_at timestamptz not null default now()
);
comment on table removed_copies is
  'Compressed copies of removed photos that are still to be deleted from the object store. A photo that comes back takes its copies out of this list.';
comment on column removed_copies.key is 'Key of the copy in the object store.';
comment on column removed_copies.photo_id is 'The photo that was removed.';
comment on column removed_copies.removed_at is 'When it was removed.';
create index removed_copies_by_photo on removed_copies (photo_id);

-- Without them each removed photo costs a scan of all embeddings and all failures, for the foreign keys.
create index embeddings_by_photo on embeddings (photo_id);
create index failures_by_photo on failures (photo_id);
