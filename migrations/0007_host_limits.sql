-- The rate at which all workers together ask one host, where the queue is not on Redis.

create unlogged table host_limits (
  host text primary key,
  opened_us bigint not null,
  next_us bigint not null,
  paused_until_us bigint not null
) with (fillfactor = 50);
comment on table host_limits is
  'The next free moment of each image host, in microseconds of this server''s clock since 1970. Not worth keeping: a crash empties it.';
comment on column host_limits.host is 'Name of the host.';
comment on column host_limits.opened_us is
  'When the host was first seen. Slots that were reserved under another value are void.';
comment on column host_limits.next_us is 'The next free slot.';
comment on column host_limits.paused_until_us is 'No worker asks the host before.';
