-- When the producer of a run was last seen, so that a run whose producer was killed does not look as if it went on.

alter table runs add column producer_seen_at timestamptz;
comment on column runs.producer_seen_at is
  'When its producer last reported, every 10 seconds; null after it has done its part; -infinity after it ended before.';
update runs set producer_seen_at = '-infinity' where enqueued_at is null;
