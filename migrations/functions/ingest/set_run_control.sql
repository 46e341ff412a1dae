create or replace function set_run_control(of_run text, wanted text) returns text language plpgsql as $$
declare
  before text;
begin
  select control into before from runs where id = of_run for update;
  if not found then
    raise exception 'No run has the id %. "unsplash-clip run list" lists them.', of_run using errcode = 'UC003';
  end if;
  if before = 'cancelled' and wanted <> 'cancelled' then
    raise exception 'Run % was cancelled, which is for good. Start the same ingest again: what is done is not done twice.', of_run
      using errcode = 'UC005';
  end if;
  update runs set control = wanted where id = of_run and control <> wanted;
  if wanted = 'cancelled' then
    delete from parked_batches where run_id = of_run;
  end if;
  return before;
end $$;
comment on function set_run_control is
  'Requests that a run be active, paused or cancelled. Returns the request before.';
