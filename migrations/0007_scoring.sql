-- Models whose labels are scored one by one (SigLIP: sigmoid), beside those whose labels compete (CLIP: softmax).

alter table models
  add column scoring text not null default 'softmax' check (scoring in ('softmax', 'sigmoid')),
  add column logit_bias double precision not null default 0 check (logit_bias between -1e6 and 1e6),
  -- Far above any model's; from 1e308 on a logit would overflow.
  add check (logit_scale <= 1e6);
comment on column models.scoring is
  'How the scores of labels come from their logits, logit_scale x cosine similarity + logit_bias: softmax over all labels of the set, or the sigmoid of each.';
comment on column photo_labels.scores is
  'Scores of all labels in the order of the set. Of a softmax model they add up to 1; those of a sigmoid model are independent of each other.';

drop function register_model(text, text, text, integer, double precision);
create function register_model(
  model_name text, model_precision text, model_revision text, model_dimension integer, model_logit_scale double precision,
  model_scoring text default 'softmax', model_logit_bias double precision default 0
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
    -- Labels scored in two ways would stand side by side in one table.
    if (found_model.scoring, found_model.logit_scale, found_model.logit_bias)
       is distinct from (model_scoring, model_logit_scale, model_logit_bias) then
      raise exception '%@% (%) is known here with % scores (logit scale %, bias %), not % (%, %). Give the model another name, or its former values.',
        model_name, model_precision, model_revision, found_model.scoring, found_model.logit_scale, found_model.logit_bias,
        model_scoring, model_logit_scale, model_logit_bias using errcode = 'UC004';
    end if;
    return found_model.id;
  end if;
  insert into models (name, precision, revision, dimension, logit_scale, scoring, logit_bias)
  values (model_name, model_precision, model_revision, model_dimension, model_logit_scale, model_scoring, model_logit_bias)
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

create or replace function label_batch(of_model integer, of_set text, photo_ids text[]) returns bigint language plpgsql as $$
declare
  model models;
  changed bigint;
begin
  select * into model from models where id = of_model;
  -- Keeps the prompts as they are until the labels are written.
  perform from label_sets where model_id = of_model and name = of_set for share;
  if not found then
    raise exception 'Label set % is not stored for this model. Run: unsplash-clip label %', of_set, of_set using errcode = 'UC003';
  end if;
  with logits as (
    select e.photo_id, p.position, p.label,
           model.logit_scale * (1 - (e.embedding::vector <=> p.embedding)) + model.logit_bias as logit
      from embeddings e
      join label_prompts p on p.model_id = e.model_id and p.set_name = of_set
     where e.model_id = of_model and e.photo_id = any (photo_ids)
  ), weights as (
    -- Postgres raises an error where exp() or a cast to real underflows; e^-80 is nothing beside 1 and still fits a real.
    select photo_id, position, label, logit,
           case model.scoring
             when 'softmax' then exp(greatest(logit - max(logit) over (partition by photo_id), -80))
             else 1 / (1 + exp(-greatest(least(logit, 80), -80)))
           end as weight
      from logits
  ), scored as (
    select photo_id, position, label, logit,
           case model.scoring when 'softmax' then weight / sum(weight) over (partition by photo_id) else weight end as score
      from weights
  ), predicted as (
    -- By logit: scores that are next to 1 are equal long before their logits are.
    select photo_id, (array_agg(label order by logit desc, position))[1] as label,
           max(score)::real as score, array_agg(score::real order by position) as scores
      from scored group by photo_id order by photo_id
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
  'Labels these photos from their stored embeddings: logit scale x cosine similarity to each prompt + bias, then softmax over the set or sigmoid of each, as the model wants it; the label is the one with the largest. Returns how many labels were new or other than before.';
