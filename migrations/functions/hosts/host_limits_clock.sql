create or replace function host_limits_clock() returns bigint language sql volatile as
  'select (extract(epoch from clock_timestamp()) * 1000000)::bigint';
comment on function host_limits_clock is 'Microseconds since 1970, now; changes within a transaction.';
