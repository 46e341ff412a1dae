create or replace function record_places(
  of_host text, of_run text, paths text[], photo_ids text[], digests bytea[], sizes bigint[], mtimes bigint[], inodes bigint[],
  rechecks boolean[]
) returns setof text language plpgsql as $$
declare
  left_behind text[];
begin
  select array_agg(distinct p.photo_id) into left_behind
    from unnest(paths, photo_ids) as new (path, photo_id)
    join photo_places p on p.host = of_host and p.path = new.path
   where p.photo_id <> new.photo_id;
  insert into photo_places (host, path, photo_id, digest, size, mtime_ns, inode, recheck, run_id)
  select of_host, new.*, of_run
    from unnest(paths, photo_ids, digests, sizes, mtimes, inodes, rechecks)
      as new (path, photo_id, digest, size, mtime_ns, inode, recheck)
   order by new.path collate "C"
  on conflict (host, path) do update
     set photo_id = excluded.photo_id, digest = excluded.digest, size = excluded.size, mtime_ns = excluded.mtime_ns,
         inode = excluded.inode, recheck = excluded.recheck, run_id = excluded.run_id, recorded_at = now();
  return query select unnest(left_behind);
end $$;
comment on function record_places is
  'Records where photos of folders lie. Returns the photos that lay at one of these paths before and do no longer.';
