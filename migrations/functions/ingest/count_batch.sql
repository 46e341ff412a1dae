create or replace function count_batch(batch_id text) returns void language sql as $$
  update batches b
     set photo_count = now_is.photos, done_count = now_is.done, failed_count = now_is.failed,
         settled_at = case when now_is.done + now_is.failed >= now_is.photos then coalesce(b.settled_at, now()) end,
         open_since = case when b.settled_at is not null and now_is.done + now_is.failed < now_is.photos then now()
                           else b.open_since end
    from (select count(p.photo_id)::integer as photos,
                 (count(e.photo_id) filter (where mine.kind <> 'refresh' or v.outcome <> 'failed'))::integer as done,
                 (count(*) filter (where case when e.photo_id is null then f.photo_id is not null
                                              else v.outcome = 'failed' end))::integer as failed
            from batches mine join runs r on r.id = mine.run_id cross join unnest(mine.photo_ids) as wanted (photo_id)
            left join photos p on p.photo_id = wanted.photo_id
            left join embeddings e on e.model_id = mine.model_id and e.photo_id = wanted.photo_id
            left join failures f on f.model_id = mine.model_id and f.photo_id = wanted.photo_id
            -- Whichever run checked it since this one began.
            left join photo_versions v on mine.kind = 'refresh' and v.model_id = mine.model_id
                 and v.photo_id = wanted.photo_id and v.checked_at >= r.created_at
           where mine.id = count_batch.batch_id) as now_is
   where b.id = count_batch.batch_id
     and ((b.photo_count, b.done_count, b.failed_count) is distinct from (now_is.photos, now_is.done, now_is.failed)
          or (b.settled_at is null) = (now_is.done + now_is.failed >= now_is.photos))
$$;
comment on function count_batch is
  'Counts again how many photos of a batch there are, are embedded and have failed; in a batch that refreshes, are checked and could not be. Photos that were removed do not count.';
