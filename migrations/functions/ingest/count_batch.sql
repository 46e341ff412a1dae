create or replace function count_batch(batch_id text) returns void language sql as $$
  update batches b
     set done_count = now_is.done, failed_count = now_is.failed,
         settled_at = case when now_is.done + now_is.failed >= b.photo_count then coalesce(b.settled_at, now()) end,
         open_since = case when b.settled_at is not null and now_is.done + now_is.failed < b.photo_count then now()
                           else b.open_since end
    from (select count(e.photo_id)::integer as done,
                 (count(f.photo_id) filter (where e.photo_id is null))::integer as failed
            from batches mine cross join unnest(mine.photo_ids) as wanted (photo_id)
            left join embeddings e on e.model_id = mine.model_id and e.photo_id = wanted.photo_id
            left join failures f on f.model_id = mine.model_id and f.photo_id = wanted.photo_id
           where mine.id = count_batch.batch_id) as now_is
   where b.id = count_batch.batch_id
     and ((b.done_count, b.failed_count) is distinct from (now_is.done, now_is.failed)
          or (b.settled_at is null) = (now_is.done + now_is.failed >= b.photo_count))
$$;
comment on function count_batch is 'Counts again how many photos of a batch are embedded and how many have failed.';
