create or replace function reserve_host_slots(
  of_host text, slots integer, interval_us double precision, burst_us bigint, forget_us bigint,
  out opened_us bigint, out first_in_us bigint, out paused_us bigint
) language plpgsql as $$
declare
  -- The clock is read once the row is locked, or a wait for the lock would count as a lull.
  known host_limits := locked_host_limit(of_host);
  now_us bigint := host_limits_clock();
  first_us bigint := greatest(known.next_us, now_us - burst_us);
begin
  opened_us := known.opened_us;
  paused_us := greatest(known.paused_until_us - now_us, 0);
  first_in_us := 0;
  if paused_us > 0 then
    return;
  end if;
  update host_limits set next_us = first_us + round(slots * interval_us)::bigint where host = of_host;
  first_in_us := first_us - now_us;
  -- Once in a thousand calls is often enough for a table that a crawl of a million hosts must not fill.
  if random() < 0.001 then
    delete from host_limits where host in
      (select host from host_limits where next_us < now_us - forget_us limit 10000 for update skip locked);
  end if;
end $$;
comment on function reserve_host_slots is
  'Reserves the next slots of a host, one interval apart, unless it is paused. Returns when the host was first seen, and the microseconds from now to the first slot and to the end of the pause.';
