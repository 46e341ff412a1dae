create or replace function pause_host(of_host text, pause_us double precision) returns void language plpgsql as $$
declare
  known host_limits := locked_host_limit(of_host);
  until_us bigint := greatest(known.paused_until_us, host_limits_clock() + round(pause_us)::bigint);
begin
  update host_limits set paused_until_us = until_us, next_us = greatest(known.next_us, until_us) where host = of_host;
end $$;
comment on function pause_host is 'Lets no worker ask this host for the given time. Never shortens another pause.';
