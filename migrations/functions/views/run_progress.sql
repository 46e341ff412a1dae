create or replace view run_progress as
  select r.id as run_id, r.position, r.model_id, m.name || '@' || m.precision as model, r.source, r.created_at, r.enqueued_at,
         coalesce(sum(b.photo_count), 0) as photos, coalesce(sum(b.done_count), 0) as done,
         coalesce(sum(b.failed_count), 0) as failed,
         case when bool_and(b.settled_at is not null) then max(b.settled_at) end as settled_at,
         case when r.enqueued_at is not null and count(b.id) = count(b.settled_at) then 'done'
              when r.control <> 'active' then r.control
              when r.producer_seen_at < now() - interval '30 seconds'
                   and (r.enqueued_at is null
                        or not exists (select from workers w where w.seen_at > now() - interval '30 seconds'))
                then 'interrupted'
              when r.enqueued_at is null then 'enqueuing'
              when not exists (select from workers w where w.seen_at > now() - interval '30 seconds')
                then 'waiting for workers'
              else 'running' end as state,
         r.control, r.priority,
         count(b.given_up_at) filter (where b.settled_at is null) as given_up_batches,
         case when r.enqueued_at is not null and count(b.id) = count(b.settled_at)
                then coalesce(sum(b.photo_count), 0)
                     / greatest(extract(epoch from max(b.settled_at) - r.created_at), 1)::double precision
              else coalesce(sum(b.photo_count) filter (where b.settled_at > now() - interval '2 minutes'), 0)
                   / greatest(least(120, extract(epoch from now() - r.created_at)), 1)::double precision
              end as photos_per_second,
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
  'One row per ingest: photos in its batches, embedded, failed; its state; batches that are open, parked, or given up by the queue; speed.';
comment on column run_progress.run_id is 'The run.';
comment on column run_progress.position is 'Order in which runs were created.';
comment on column run_progress.model_id is 'Id of the model.';
comment on column run_progress.model is 'The model, as name@precision.';
comment on column run_progress.source is 'Where its photos come from.';
comment on column run_progress.created_at is 'When it was created.';
comment on column run_progress.enqueued_at is 'When the producer had added all batches; null before.';
comment on column run_progress.photos is 'Photos in its batches.';
comment on column run_progress.done is 'Photos that are embedded.';
comment on column run_progress.failed is 'Photos that failed permanently.';
comment on column run_progress.settled_at is 'When the last batch was settled; null while one is open.';
comment on column run_progress.state is 
  'enqueuing, running, paused, cancelled, done; waiting for workers: all is enqueued, and no worker is alive; or interrupted: its producer ended before its part was done, and nothing goes on by itself.';
comment on column run_progress.control is 'The requested state: active, paused or cancelled.';
comment on column run_progress.priority is 'Priority of its batches in the queue: high, normal, low.';
comment on column run_progress.given_up_batches is 'Batches that the queue gave up and that are not settled.';
comment on column run_progress.photos_per_second is 'Photos settled per second: over the last two minutes; of a run that is done, over all of its time.';
comment on column run_progress.given_up_photos is 'Photos in those batches that are neither embedded nor failed.';
comment on column run_progress.parked_batches is 'Batches that workers received while the run was paused.';
comment on column run_progress.parked_photos is 'Photos in parked batches.';
comment on column run_progress.open_batches is 'Batches that are in the queue or in work.';
