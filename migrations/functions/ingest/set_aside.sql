create or replace function set_aside(of_batch text, queue_id text, payload jsonb) returns text language plpgsql as $$
declare
  owner runs;
begin
  -- Until the end of this transaction nobody changes what is asked of the run, nor moves the batch to another one.
  perform from batches where id = of_batch for update;
  select r.* into owner from batches b join runs r on r.id = b.run_id where b.id = of_batch for share of r;
  if not found or owner.control = 'active' then
    return 'active';
  end if;
  if owner.control = 'paused' then
    -- Parked again after it was put back into the queue, but before that was noted: a parking of its own.
    insert into parked_batches as p (id, batch_id, run_id, batch, parked_at)
    values (queue_id, of_batch, owner.id, payload, clock_timestamp())
    on conflict (id) do update set run_id = excluded.run_id, batch = excluded.batch, parked_at = excluded.parked_at;
  else
    update batches set dropped_at = now() where id = of_batch;
  end if;
  return owner.control;
end $$;
comment on function set_aside is
  'For a batch that came out of the queue: parks it if its run is paused, drops it if its run is cancelled. Returns the requested state of the run; after "active" nothing was done, and the batch is to be processed.';
