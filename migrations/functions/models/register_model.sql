create or replace function register_model(
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
  execute format('alter table %I add constraint %I check (vector_dims(embedding) = %s)',
                 partition_name, partition_name || '_dimension', model_dimension);
  execute format('alter table %I add constraint %I check (l2_norm(embedding) between 0.999 and 1.001)',
                 partition_name, partition_name || '_unit_length');
  return found_model.id;
end $$;
comment on function register_model is
  'Id of a model. Creates its partition of embeddings the first time. Safe from several processes at once.';
