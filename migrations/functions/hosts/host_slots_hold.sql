-- requires: host_limits_clock
create or replace function host_slots_hold(of_host text, opened bigint) returns boolean language sql volatile as $$
  select exists (
    select from host_limits where host = of_host and opened_us = opened and paused_until_us <= host_limits_clock())
$$;
comment on function host_slots_hold is 'Whether slots that were reserved under this opened_us may be used now.';
