create or replace view index_status as
  select m.id as model_id, m.name || '@' || m.precision as model, i.relname as index_name, a.amname as method,
         case when x.indisvalid then 'ready' when working.pid is not null then 'building' else 'invalid' end as state,
         i.reloptions as options, pg_relation_size(i.oid) as bytes,
         working.pid, progress.phase,
         round((100.0 * coalesce(progress.tuples_done::numeric / nullif(progress.tuples_total, 0),
                                 progress.blocks_done::numeric / nullif(progress.blocks_total, 0)))::numeric, 1) as percent,
         substring(obj_description(i.oid, 'pg_class') from '^Built over ([0-9]+) photos')::bigint as photos_at_build,
         (select count(*) from embeddings e where e.model_id = m.id) as photos
    from models m
    join pg_index x on x.indrelid = to_regclass('embeddings_m' || m.id)
    join pg_class i on i.oid = x.indexrelid
    join pg_am a on a.oid = i.relam and a.amname in ('ivfflat', 'hnsw')
    -- The building session holds this lock, which everybody may see. Its progress is visible to its role and pg_read_all_stats.
    left join lateral (
      select min(l.pid) as pid from pg_locks l
       where not x.indisvalid and l.locktype = 'advisory' and l.objsubid = 2 and l.granted
         and l.database = (select oid from pg_database where datname = current_database())
         and l.classid = 1668049256 and l.objid = m.id) as working on true
    left join pg_stat_progress_create_index progress on progress.index_relid = i.oid;
comment on view index_status is
  'Vector indexes of each model: ready, building, or invalid (left by an interrupted build and useless). A ready index holds every photo; the lists of an ivfflat index suit the photos that existed when it was built.';
comment on column index_status.model_id is 'Id of the model.';
comment on column index_status.model is 'The model, as name@precision.';
comment on column index_status.index_name is 'Name of the index.';
comment on column index_status.method is 'ivfflat or hnsw.';
comment on column index_status.state is 'ready, building or invalid.';
comment on column index_status.options is 'Its parameters, such as lists=100.';
comment on column index_status.bytes is 'Its size on disk.';
comment on column index_status.pid is 'Server process that builds it.';
comment on column index_status.phase is 'Phase of the build.';
comment on column index_status.percent is 'Progress of that phase, in percent.';
comment on column index_status.photos_at_build is 'Photos when it was built.';
comment on column index_status.photos is 'Photos now.';
