create or replace function retire_model(model text) returns bigint language plpgsql as $$
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
  if retired.id = searched_model_id() then
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
    raise exception 'Worker % still works on photos of a cancelled run, to be embedded with %. Try again when it is done with them.',
      found_ids, key using errcode = 'UC005';
  end if;

  select count(*) into photos from embeddings e where e.model_id = retired.id;
  delete from failures where model_id = retired.id;
  delete from photo_versions where model_id = retired.id;
  delete from label_sets where model_id = retired.id;
  delete from reference_scores s using reference_sets r where r.model_id = retired.id and s.version = r.version;
  delete from batches where model_id = retired.id;
  delete from runs where model_id = retired.id;
  -- Dropping a partition locks all of embeddings. A session that waits for that lock blocks all later searches, so this waits
  -- in short pieces and lets them pass in between.
  for attempt in 1..40 loop
    begin
      perform set_config('lock_timeout', '2s', true);
      execute format('drop table %I', 'embeddings_m' || retired.id);
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
  'Drops all data of a model: embeddings with their indexes, labels, prompts, reference texts, failures, settings, runs. Photos and their copies stay. Refuses the model that is searched, and a model with open runs. Returns the number of embeddings dropped.';
