create or replace function locked_host_limit(of_host text) returns host_limits language plpgsql as $$
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
comment on function locked_host_limit is
  'The row of a host, created if it does not exist, and locked until the end of the transaction.';
