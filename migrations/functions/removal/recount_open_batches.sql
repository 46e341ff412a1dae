create or replace function recount_open_batches(removed_ids text[]) returns bigint language sql as $$
  select count(*) from (
    select count_batch(id) from (
      select distinct b.id from batches b cross join unnest(b.photo_ids) as held (photo_id)
        join unnest(removed_ids) as removed (photo_id) on removed.photo_id = held.photo_id
       where b.settled_at is null
       order by b.id) as concerned
    offset 0) as counted
$$;
comment on function recount_open_batches is
  'Counts the open batches again that hold photos which were removed, so that their runs end without them. In a transaction of its own, because workers lock a batch before its photos. Returns the number of batches.';
