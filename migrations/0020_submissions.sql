-- What programs submitted over HTTP, so that a repeated request gets the same run.
create table submissions (
  key bytea primary key check (length(key) = 32),
  digest bytea not null check (length(digest) = 32),
  run_id text collate "C" not null,
  created_at timestamptz not null default now(),
  answer jsonb
);
create index submissions_created_at on submissions (created_at);
comment on table submissions is 'What programs submitted over HTTP within the last day, so that a repeated request gets the same answer.';
comment on column submissions.key is 'SHA-256 of the caller and its Idempotency-Key, or of the caller and the body without one.';
comment on column submissions.digest is 'SHA-256 of the body. Another body under the same key is refused.';
comment on column submissions.run_id is 'Run of the submission.';
comment on column submissions.created_at is 'When it was submitted first.';
comment on column submissions.answer is 'What was enqueued; null: not all of it yet.';
