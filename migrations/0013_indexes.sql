-- Vector indexes as people see them, and the switch from one model to another.

create view index_status as
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
    -- Whoever builds holds this lock, and everybody may see it; the progress of others only their own role and pg_read_all_stats.
    left join lateral (
      select min(l.pid) as pid from pg_locks l
       where not x.indisvalid and l.locktype = 'advisory' and l.objsubid = 2 and l.granted
         and l.database = (select oid from pg_database where datname = current_database())
         and l.classid = 1668049256 and l.objid = m.id) as working on true
    left join pg_stat_progress_create_index progress on progress.index_relid = i.oid;
comment on view index_status is
  'Vector indexes of each model: ready, building (by which server process, in which phase, percent of that phase) or invalid, left by a build that was interrupted and of no use. A ready index holds every photo; the lists of an ivfflat index suit those that were there when it was built.';

create view search_tuning as
  select m.id as model_id, m.name || '@' || m.precision as model, kinds.query_kind,
         case when i.indisvalid then s.method else 'exact' end as answered_by,
         case when i.indisvalid then s.effort end as effort,
         s.index_name, s.wanted_recall, s.measured_recall, s.sampled_queries, s.tuned_at, s.photos as photos_at_tuning,
         counted.photos,
         case when s.model_id is null then 'not tuned'
              when s.method <> 'exact' and i.indisvalid is not true then 'index missing'
              when counted.photos >= 2 * s.photos then 'stale'
              else 'tuned' end as state
    from models m
   cross join (values ('text'), ('image')) as kinds (query_kind)
   cross join lateral (select count(*) as photos from embeddings e where e.model_id = m.id) as counted
    left join search_settings s on s.model_id = m.id and s.query_kind = kinds.query_kind
    left join pg_index i on i.indexrelid = to_regclass(quote_ident(s.index_name));
comment on view search_tuning is
  'How queries of each kind are answered now: exact where nothing was tuned or the index is gone. stale: the photos have doubled since it was tuned.';

create function text_index_distance(index_name text) returns text language sql stable as $$
  select format('(text_space_m%1$s(e.embedding)::halfvec(%2$s) <-> text_query_m%1$s($1)::halfvec(%2$s))',
                substring(i.indrelid::regclass::text from 'embeddings_m([0-9]+)'), a.atttypmod)
    from pg_index i join pg_attribute a on a.attrelid = i.indexrelid and a.attnum = 1
   where i.indexrelid = to_regclass(quote_ident(text_index_distance.index_name))
     and text_index_distance.index_name ~ '^embeddings_m[0-9]+_text$'
$$;
comment on function text_index_distance is
  'Part of a statement: the distance by which an index of kind text is ordered, of e.embedding to the query $1. Null for other indexes.';

create function use_search_model(model text) returns integer language plpgsql as $$
declare
  chosen integer;
begin
  if use_search_model.model is null then
    delete from search_model;
    return (select r.model_id from runs r order by r.position desc limit 1);
  end if;
  chosen := model_id_of(use_search_model.model);
  if not exists (select from embeddings e where e.model_id = chosen) then
    raise exception 'No photo is embedded with % yet, so searches would find nothing. Ingest with it first.', use_search_model.model
      using errcode = 'UC002';
  end if;
  insert into search_model (model_id) values (chosen)
  on conflict (single) do update set model_id = excluded.model_id, chosen_at = now()
    where search_model.model_id <> excluded.model_id;
  return chosen;
end $$;
comment on function use_search_model is
  'From the end of this transaction on, searches that name no model use this one. Null: the model of the newest run again. Returns its id.';

create function retire_model(model text) returns bigint language plpgsql as $$
declare
  retired models;
  key text;
  found_ids text;
  photos bigint;
  patience text := current_setting('lock_timeout');
begin
  if retire_model.model is null then
    raise exception 'Name the model to be retired, as name@precision.' using errcode = 'UC005';
  end if;
  -- Until the end of this transaction no run begins with it, and nobody chooses it for searches.
  select * into retired from models where id = model_id_of(retire_model.model) for update;
  if not found then
    raise exception 'Model % was retired meanwhile.', retire_model.model using errcode = 'UC003';
  end if;
  key := retired.name || '@' || retired.precision;
  if retired.id = coalesce((select s.model_id from search_model s),
                           (select r.model_id from runs r order by r.position desc limit 1)) then
    raise exception '% is the model that is searched. Choose another one first: unsplash-clip models use NAME', key
      using errcode = 'UC005';
  end if;
  select string_agg(r.run_id, ', ' order by r.position) into found_ids from run_progress r
   where r.model_id = retired.id and r.state not in ('done', 'cancelled');
  if found_ids is not null then
    raise exception 'Not all photos of run % are settled, and they are to be embedded with %. Let it end, or cancel it first: unsplash-clip run cancel RUN',
      found_ids, key using errcode = 'UC005';
  end if;
  select string_agg(w.host || ':' || w.pid, ', ') into found_ids from workers w
   where w.seen_at > now() - interval '30 seconds'
     and exists (select from runs r where r.model_id = retired.id and w.in_hand ? r.id);
  if found_ids is not null then
    raise exception 'Worker % still has photos of a cancelled run in hand, to be embedded with %. Try again when it is done with them.',
      found_ids, key using errcode = 'UC005';
  end if;

  select count(*) into photos from embeddings e where e.model_id = retired.id;
  delete from failures where model_id = retired.id;
  delete from label_sets where model_id = retired.id;
  delete from batches where model_id = retired.id;
  delete from runs where model_id = retired.id;
  -- Dropping a partition locks all of embeddings. Whoever waits for that lock holds up all searches that come after, so it
  -- is waited for in short pieces, between which they go on.
  for attempt in 1..40 loop
    begin
      perform set_config('lock_timeout', '2s', true);
      execute format('drop table %I', 'embeddings_m' || retired.id);
      -- Of its index for texts, where there was one.
      execute format('drop function if exists %I(halfvec)', 'text_space_m' || retired.id);
      execute format('drop function if exists %I(vector)', 'text_query_m' || retired.id);
      exit;
    exception when lock_not_available then
      if attempt = 40 then
        raise exception 'Statements that read or write embeddings do not end, so those of % cannot be dropped, and nothing was changed. pg_stat_activity shows them; try again when they are done.', key
          using errcode = 'UC007';
      end if;
      perform pg_sleep(0.2);
    end;
  end loop;
  perform set_config('lock_timeout', patience, true);
  delete from models where id = retired.id;
  return photos;
end $$;
comment on function retire_model is
  'Drops all that was made with a model: embeddings with their indexes, labels, prompts, failures, settings, runs. Photos and their copies stay. Refuses the model that is searched, and one that runs are open with. Returns how many embeddings were dropped.';
