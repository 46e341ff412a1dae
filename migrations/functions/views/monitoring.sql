-- requires: open_batches
create or replace view monitoring as
  select (select count(*) from open_batches) as open_batches,
         coalesce((select extract(epoch from now() - min(b.open_since))::double precision
                     from open_batches o join batches b on b.id = o.batch_id), 0) as oldest_batch_seconds,
         (select count(*) from batches where settled_at is null and given_up_at is not null) as given_up_batches,
         (select count(*) from workers where seen_at > now() - interval '30 seconds') as alive_workers;
comment on view monitoring is
  'One row of numbers for alerts (infra/prometheus): what is left to do, and whether anybody does it.';
comment on column monitoring.open_batches is 'Batches that workers still have to process; see the view open_batches.';
comment on column monitoring.oldest_batch_seconds is 'Seconds since the oldest of them became open; 0 when there is none.';
comment on column monitoring.given_up_batches is 'Batches that the queue gave up and that are not settled.';
comment on column monitoring.alive_workers is 'Worker processes that reported within the last 30 seconds.';
