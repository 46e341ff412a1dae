create or replace view open_batches as
  select b.id as batch_id, b.run_id, m.name || '@' || m.precision as model, b.model_id,
         b.photo_count - b.done_count - b.failed_count as photos
    from batches b join runs r on r.id = b.run_id join models m on m.id = b.model_id
   where b.settled_at is null and b.given_up_at is null and r.control = 'active';
comment on view open_batches is
  'Batches that workers still have to process, in the queue or in work: the number to scale workers by.';
comment on column open_batches.batch_id is 'The batch.';
comment on column open_batches.run_id is 'The run that asks for it.';
comment on column open_batches.model is 'The model, as name@precision.';
comment on column open_batches.model_id is 'Id of the model.';
comment on column open_batches.photos is 'Photos that are neither embedded nor failed.';
