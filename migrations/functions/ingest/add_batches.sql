create or replace function add_batches(new_batches jsonb) returns setof text language plpgsql as $$
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
  update batches b set run_id = new.run_id, kind = coalesce(new.kind, 'originals')
    from jsonb_to_recordset(new_batches) as new (id text, run_id text, kind text)
   where b.id = new.id and b.settled_at is null and b.run_id <> new.run_id;
  update batches set dropped_at = null, given_up_at = null, given_up_code = null, given_up_message = null, open_since = now()
   where id = any (known) and (dropped_at is not null or given_up_at is not null);
  -- The whole batch is on its way again, and with it what was parked of it.
  delete from parked_batches where batch_id = any (known);

  insert into batches (id, run_id, model_id, kind, photo_ids, photo_count)
  select new.id, new.run_id, r.model_id, coalesce(new.kind, 'originals'), new.photo_ids, cardinality(new.photo_ids)
    from jsonb_to_recordset(new_batches) as new (id text, run_id text, kind text, photo_ids text[])
    join runs r on r.id = new.run_id
   order by new.id
  on conflict (id) do nothing;
  return query select unnest(leaving);
end $$;
comment on function add_batches is
  'Records batches, [{"id", "run_id", "kind", "photo_ids"}]. Known batches that are not settled move to the run that asks for them now. Returns the ids of batches that a worker had parked, or had dropped because their run was cancelled: they may still be leaving the queue.';
