-- How often all workers together ask one host, where the queue is not on Redis.

create unlogged table host_limits (
  host text primary key,
  opened_us bigint not null,
  next_us bigint not null,
  paused_until_us bigint not null
) with (fillfactor = 50);
comment on table host_limits is
  'The next free moment of each image host, in microseconds of this server''s clock. Not worth keeping: a crash empties it.';
comment on column host_limits.opened_us is 'Since when the host is known. Slots reserved under another number are void.';

create function host_limits_clock() returns bigint language sql volatile as
  'select (extract(epoch from clock_timestamp()) * 1000000)::bigint';
comment on function host_limits_clock is 'Microseconds since 1970, now, also within a transaction.';

create function locked_host_limit(of_host text) returns host_limits language plpgsql as $$
declare
  known host_limits;
begin
  loop
    select * into known from host_limits where host = of_host for update;
    if found then
      return known;
    end if;
    insert into host_limits values (of_host, host_limits_clock(), 0, 0) on conflict (host) do nothing;
  end loop;
end $$;
comment on function locked_host_limit is 'The row of a host, made if need be; nobody else changes it in this transaction.';

create function reserve_host_slots(
  of_host text, slots integer, interval_us double precision, burst_us bigint, forget_us bigint,
  out opened_us bigint, out first_in_us bigint
) language plpgsql as $$
declare
  -- The clock is read once the row is locked, or a wait for the lock would count as a lull.
  known host_limits := locked_host_limit(of_host);
  now_us bigint := host_limits_clock();
  first_us bigint := greatest(known.next_us, now_us - burst_us);
begin
  update host_limits set next_us = first_us + round(slots * interval_us)::bigint where host = of_host;
  opened_us := known.opened_us;
  first_in_us := first_us - now_us;
  -- Once in a thousand calls is often enough for a table that a crawl of a million hosts must not fill.
  if random() < 0.001 then
    delete from host_limits where host in
      (select host from host_limits where next_us < now_us - forget_us limit 10000 for update skip locked);
  end if;
end $$;
comment on function reserve_host_slots is
  'Takes the next slots of a host, one interval apart: since when the host is known, and microseconds from now to the first of them.';

create function host_slots_hold(of_host text, opened bigint) returns boolean language sql volatile as $$
  select exists (
    select from host_limits where host = of_host and opened_us = opened and paused_until_us <= host_limits_clock())
$$;
comment on function host_slots_hold is 'Whether slots reserved under that number may be used now.';

create function pause_host(of_host text, pause_us double precision) returns void language plpgsql as $$
declare
  known host_limits := locked_host_limit(of_host);
  until_us bigint := greatest(known.paused_until_us, host_limits_clock() + round(pause_us)::bigint);
begin
  update host_limits set paused_until_us = until_us, next_us = greatest(known.next_us, until_us) where host = of_host;
end $$;
comment on function pause_host is 'Nobody asks this host for so long; never shortens another pause.';
