-- Runs that can be paused and cancelled, batches that nobody works on, and workers that say what they do.

alter table runs
  add column control text not null default 'active' check (control in ('active', 'paused', 'cancelled')),
  add column priority text not null default 'normal' check (priority in ('high', 'normal', 'low')),
  add column label_sets jsonb not null default '[]';
comment on column runs.control is 'What was asked for: go on, pause, or stop for good. Workers look at it with every batch.';
comment on column runs.label_sets is 'Definitions of the label sets that the run was started with: [{"name", "template", "labels"}].';

alter table batches
  add column dropped_at timestamptz,
  add column given_up_at timestamptz,
  add column given_up_code text,
  add column given_up_message text;
comment on column batches.dropped_at is 'When a worker let the batch go because its run was cancelled.';
comment on column batches.given_up_at is 'When the queue gave the batch up, after its last delivery was rejected.';
create index batches_open on batches (run_id) where settled_at is null;

create table parked_batches (
  id text primary key,
  batch_id text not null references batches on delete cascade,
  run_id text not null references runs on delete cascade,
  batch jsonb not null,
  parked_at timestamptz not null default now()
);
comment on table parked_batches is 'What workers were handed while its run was paused, as it was in the queue. "run resume" puts it back there.';
comment on column parked_batches.parked_at is 'When it was parked last: who puts it back forgets only the parking that he saw.';
create index parked_batches_by_run on parked_batches (run_id, id);
create index parked_batches_by_batch on parked_batches (batch_id);

create table workers (
  id text primary key,
  host text not null,
  pid integer not null,
  model text not null,
  started_at timestamptz not null,
  seen_at timestamptz not null,
  embedded bigint not null,
  failed bigint not null,
  photos_per_second real not null,
  in_hand jsonb not null,
  trouble text
);
comment on table workers is 'One row a worker process: what it said last. Alive is who was seen within half a minute; one that ends in order leaves.';
comment on column workers.in_hand is 'Photos in its hands by run: {"20261123091500-a1b2": 128}.';

create function set_aside(of_batch text, queue_id text, payload jsonb) returns text language plpgsql as $$
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
  'For a batch that came out of the queue: parks it when its run is paused, lets it go when that is cancelled. Returns what is asked of the run; with "active" nothing was done, and the batch is to be worked on.';

create function set_run_control(of_run text, wanted text) returns text language plpgsql as $$
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
comment on function set_run_control is 'Asks for a run to be active, paused or cancelled. Returns what was asked of it before.';

drop function add_batches(jsonb);
create function add_batches(new_batches jsonb) returns setof text language plpgsql as $$
declare
  known text[];
  leaving text[];
begin
  -- Batches of an earlier run: their photos may have become unsettled since, for instance because failures were cleared.
  perform from batches where id in (select b.id from jsonb_to_recordset(new_batches) as b (id text)) order by id for update;
  select array_agg(id order by id),
         array_agg(id order by id) filter (
           where dropped_at is not null or exists (select from parked_batches p where p.id = batches.id))
    into known, leaving
    from batches where id in (select b.id from jsonb_to_recordset(new_batches) as b (id text));
  perform count_batch(known_id) from unnest(known) as known_id;
  update batches b set run_id = new.run_id
    from jsonb_to_recordset(new_batches) as new (id text, run_id text)
   where b.id = new.id and b.settled_at is null and b.run_id <> new.run_id;
  update batches set dropped_at = null, given_up_at = null, given_up_code = null, given_up_message = null
   where id = any (known) and (dropped_at is not null or given_up_at is not null);
  -- The whole batch is on its way again, and with it what was parked of it.
  delete from parked_batches where batch_id = any (known);

  insert into batches (id, run_id, model_id, photo_ids, photo_count)
  select new.id, new.run_id, r.model_id, new.photo_ids, cardinality(new.photo_ids)
    from jsonb_to_recordset(new_batches) as new (id text, run_id text, photo_ids text[])
    join runs r on r.id = new.run_id
   order by new.id
  on conflict (id) do nothing;
  return query select unnest(leaving);
end $$;
comment on function add_batches is
  'Records batches, [{"id", "run_id", "photo_ids"}]. Those that were recorded before and are not settled move to the run that asks for them now. Returns the ids of those that a worker had parked, or let go because their run was cancelled: they may still be leaving the queue.';

create view open_batches as
  select b.id as batch_id, b.run_id, m.name || '@' || m.precision as model, b.model_id,
         b.photo_count - b.done_count - b.failed_count as photos
    from batches b join runs r on r.id = b.run_id join models m on m.id = b.model_id
   where b.settled_at is null and b.given_up_at is null and r.control = 'active';
comment on view open_batches is 'Batches that workers have still to do, in the queue or in work: what to scale the workers on.';

create or replace view run_progress as
  select r.id as run_id, r.position, r.model_id, m.name || '@' || m.precision as model, r.source, r.created_at, r.enqueued_at,
         coalesce(sum(b.photo_count), 0) as photos, coalesce(sum(b.done_count), 0) as done,
         coalesce(sum(b.failed_count), 0) as failed,
         case when bool_and(b.settled_at is not null) then max(b.settled_at) end as settled_at,
         case when r.enqueued_at is not null and count(b.id) = count(b.settled_at) then 'done'
              when r.control <> 'active' then r.control
              when r.enqueued_at is null then 'enqueuing'
              else 'running' end as state,
         r.control, r.priority,
         count(b.given_up_at) filter (where b.settled_at is null) as given_up_batches,
         coalesce(sum(b.photo_count) filter (where b.settled_at > now() - interval '2 minutes'), 0)
           / greatest(least(120, extract(epoch from now() - r.created_at)), 1)::double precision as photos_per_second,
         coalesce(sum(b.photo_count - b.done_count - b.failed_count)
                    filter (where b.settled_at is null and b.given_up_at is not null), 0) as given_up_photos,
         (select count(*) from parked_batches p where p.run_id = r.id) as parked_batches,
         (select coalesce(sum(jsonb_array_length(p.batch -> 'photos')), 0) from parked_batches p where p.run_id = r.id)
           as parked_photos,
         count(b.id) filter (where b.settled_at is null and b.given_up_at is null) as open_batches
    from runs r join models m on m.id = r.model_id
    left join batches b on b.run_id = r.id
   group by r.id, m.name, m.precision;
comment on view run_progress is
  'One row an ingest: photos in its batches, embedded, failed; its state (enqueuing, running, paused, cancelled, done); batches that are open, parked, or were given up by the queue; photos settled a second over the last two minutes.';
