-- Keys of the HTTP API. Only digests are stored: a key has 256 random bits, so nobody finds it by its digest.
create table api_keys (
  id text collate "C" primary key check (id ~ '^[0-9a-f]{8}$'),
  name text not null check (length(name) between 1 and 100),
  scope text not null check (scope in ('read', 'ingest', 'admin')),
  digest bytea not null unique check (length(digest) = 32),
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);
create unique index api_keys_name on api_keys (name) where revoked_at is null;
comment on table api_keys is 'Keys of the HTTP API.';
comment on column api_keys.id is 'The part of the key that is shown: it follows uc_ and identifies the key.';
comment on column api_keys.name is 'Name of the key for people; unique among the keys that are not revoked.';
comment on column api_keys.scope is 'What the key may do: read, ingest (also reads) or admin (also ingests).';
comment on column api_keys.digest is 'SHA-256 of the whole key.';
comment on column api_keys.created_at is 'When the key was created.';
comment on column api_keys.expires_at is 'From when on the key is refused; null: never.';
comment on column api_keys.last_used_at is 'When a request was last made with the key, to the minute; null: never.';
comment on column api_keys.revoked_at is 'When the key was revoked; null: it is not.';
