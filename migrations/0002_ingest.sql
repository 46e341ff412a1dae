-- Functions that write: registering a model, labelling, recording what became of a batch.
-- They raise SQLSTATEs of their own: UC001 filter, UC002 photo without embedding, UC003 not found, UC004 model, UC005 usage.

create function register_model(
  model_name text, model_precision text, model_revision text, model_dimension integer, model_logit_scale double precision
) returns integer language plpgsql as $$
declare
  found_model models;
  partition_name text;
begin
  -- Two processes that start at once must not both create the partition. The key is any number of our own.
  perform pg_advisory_xact_lock(1668052336);
  select * into found_model from models
   where name = model_name and precision = model_precision and revision = model_revision;
  if found then
    if found_model.dimension <> model_dimension then
      raise exception '%@% (%) makes embeddings of % numbers, not %. Is it another model under the same name?',
        model_name, model_precision, model_revision, found_model.dimension, model_dimension using errcode = 'UC004';
    end if;
    return found_model.id;
  end if;
  insert into models (name, precision, revision, dimension, logit_scale)
  values (model_name, model_precision, model_revision, model_dimension, model_logit_scale)
  returning * into found_model;
  partition_name := 'embeddings_m' || found_model.id;
  execute format('create table %I partition of embeddings for values in (%s)', partition_name, found_model.id);
  execute format(
    'alter table %I add constraint %I check (vector_dims(embedding) = %s and l2_norm(embedding) > 0)',
    partition_name, partition_name || '_direction', model_dimension);
  return found_model.id;
end $$;
comment on function register_model is
  'Id of a model; the first time its partition of embeddings is created. Safe from several processes at once.';

create function model_id_of(model text) returns integer language plpgsql stable as $$
declare
  result integer;
begin
  if model is null then
    select model_id into result from runs order by position desc limit 1;
    if result is null then
      raise exception 'No photos were ingested yet, so there is no newest model. Run: unsplash-clip ingest' using errcode = 'UC003';
    end if;
    return result;
  end if;
  select id into result from models
   where id::text = model or (name = split_part(model, '@', 1) and split_part(model, '@', 2) in ('', precision))
   order by id desc limit 1;
  if result is null then
    raise exception 'No photo was embedded with model %; known: %', model,
      coalesce((select string_agg(distinct name || '@' || precision, ', ') from models), 'none') using errcode = 'UC003';
  end if;
  return result;
end $$;
comment on function model_id_of is
  'Id of the newest model of that name (name, name@precision or the id itself); without a name, the model of the newest run.';

create function label_batch(of_model integer, of_set text, photo_ids text[]) returns bigint language plpgsql as $$
declare
  changed bigint;
begin
  -- Keeps the prompts as they are until the labels are written.
  perform from label_sets where model_id = of_model and name = of_set for share;
  if not found then
    raise exception 'Label set % is not stored for this model. Run: unsplash-clip label %', of_set, of_set using errcode = 'UC003';
  end if;
  with logits as (
    select e.photo_id, p.position, p.label, m.logit_scale * (1 - (e.embedding::vector <=> p.embedding)) as logit
      from embeddings e
      join models m on m.id = e.model_id
      join label_prompts p on p.model_id = e.model_id and p.set_name = of_set
     where e.model_id = of_model and e.photo_id = any (photo_ids)
  ), weights as (
    -- Postgres raises an error where exp() underflows; e^-80 is nothing beside 1 and still fits a real.
    select photo_id, position, label, exp(greatest(logit - max(logit) over (partition by photo_id), -80)) as weight
      from logits
  ), shares as (
    select photo_id, position, label, weight / sum(weight) over (partition by photo_id) as share from weights
  ), predicted as (
    select photo_id, (array_agg(label order by share desc, position))[1] as label,
           max(share)::real as score, array_agg(share::real order by position) as scores
      from shares group by photo_id order by photo_id
  ), written as (
    insert into photo_labels as l (model_id, set_name, photo_id, label, score, scores)
    select of_model, of_set, photo_id, label, score, scores from predicted order by photo_id
    on conflict (model_id, set_name, photo_id) do update
       set label = excluded.label, score = excluded.score, scores = excluded.scores
     where (l.label, l.scores) is distinct from (excluded.label, excluded.scores)
    returning 1
  )
  select count(*) into changed from written;
  return changed;
end $$;
comment on function label_batch is
  'Labels these photos from their stored embeddings: softmax over (logit scale x cosine similarity to each prompt). Returns how many labels were new or other than before.';

create function label_photos(set_name text, model text default null) returns bigint language sql as $$
  select label_batch(model_id_of(label_photos.model), label_photos.set_name, array(
    select e.photo_id from embeddings e
     where e.model_id = model_id_of(label_photos.model)
       and not exists (select from photo_labels l where l.model_id = e.model_id
                          and l.set_name = label_photos.set_name and l.photo_id = e.photo_id)))
$$;
comment on function label_photos is
  'Labels every embedded photo that has no label of this set yet. The set''s prompts must be stored; unsplash-clip label SET stores them.';

create function count_batch(batch_id text) returns void language sql as $$
  update batches b
     set done_count = now_is.done, failed_count = now_is.failed,
         settled_at = case when now_is.done + now_is.failed >= b.photo_count then coalesce(b.settled_at, now()) end
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
comment on function count_batch is 'Counts anew how many photos of a batch are embedded and how many failed.';

create function record_outcome(
  batch_id text, of_model integer,
  embedded_ids text[], vectors text[], stored_keys text[],
  failed_ids text[], codes text[], messages text[], attempt_counts integer[],
  set_names text[]
) returns void language plpgsql as $$
declare
  of_set text;
  embedded_anew text[];
begin
  -- One after the other for the same batch, and for the same photo: else one worker could record a failure while another,
  -- unseen, records the embedding. Always in the order of the ids, so that two batches cannot deadlock.
  perform from batches where id = batch_id for update;
  perform from photos where photo_id = any (embedded_ids || failed_ids) order by photo_id for no key update;

  with written as (
    insert into embeddings as e (model_id, photo_id, embedding, stored_key)
    select of_model, photo_id, vector_text::halfvec, key
      from unnest(embedded_ids, vectors, stored_keys) as new (photo_id, vector_text, key)
     order by photo_id collate "C"
    on conflict (model_id, photo_id) do update
       set embedding = excluded.embedding, stored_key = coalesce(excluded.stored_key, e.stored_key)
     where e.embedding is distinct from excluded.embedding
        or (excluded.stored_key is not null and e.stored_key is distinct from excluded.stored_key)
    returning photo_id
  )
  select array_agg(photo_id) into embedded_anew from written;

  -- Labels that were predicted from an embedding that is no more.
  delete from photo_labels where model_id = of_model and photo_id = any (embedded_anew);
  delete from failures where model_id = of_model and photo_id = any (embedded_ids);

  insert into failures as f (model_id, photo_id, code, message, attempts)
  select of_model, photo_id, code, message, attempts
    from unnest(failed_ids, codes, messages, attempt_counts) as new (photo_id, code, message, attempts)
   where not exists (select from embeddings e where e.model_id = of_model and e.photo_id = new.photo_id)
   order by photo_id collate "C"
  on conflict (model_id, photo_id) do update
     set code = excluded.code, message = excluded.message, attempts = excluded.attempts, failed_at = now()
   where (f.code, f.message, f.attempts) is distinct from (excluded.code, excluded.message, excluded.attempts);

  foreach of_set in array set_names loop
    perform label_batch(of_model, of_set, embedded_ids);
  end loop;
  perform count_batch(batch_id);
end $$;
comment on function record_outcome is
  'Writes what became of a batch: embeddings, failures, labels, counts. Writing the same outcome twice changes nothing.';

create function add_batches(new_batches jsonb) returns setof text language plpgsql as $$
declare
  known text[];
begin
  -- Batches of an earlier run: their photos may have become unsettled since, for instance because failures were cleared.
  perform from batches where id in (select b.id from jsonb_to_recordset(new_batches) as b (id text)) order by id for update;
  select array_agg(id order by id) into known
    from batches where id in (select b.id from jsonb_to_recordset(new_batches) as b (id text));
  perform count_batch(known_id) from unnest(known) as known_id;
  update batches b set run_id = new.run_id
    from jsonb_to_recordset(new_batches) as new (id text, run_id text)
   where b.id = new.id and b.settled_at is null and b.run_id <> new.run_id;

  insert into batches (id, run_id, model_id, photo_ids, photo_count)
  select new.id, new.run_id, r.model_id, new.photo_ids, cardinality(new.photo_ids)
    from jsonb_to_recordset(new_batches) as new (id text, run_id text, photo_ids text[])
    join runs r on r.id = new.run_id
   order by new.id
  on conflict (id) do nothing;
  return query select unnest(known);
end $$;
comment on function add_batches is
  'Records batches, [{"id", "run_id", "photo_ids"}]. Those that were recorded before and are not settled move to the run that asks for them now. Returns the ids that were recorded before.';
