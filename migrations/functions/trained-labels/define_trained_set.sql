-- requires: check_label_names, label_definitions
create or replace function define_trained_set(
  set_name text, labels text[], weights vector[], biases double precision[], training jsonb, model text default null
) returns text language plpgsql as $$
declare
  of_model constant integer := model_id_of(model);
  of_set constant text := set_name;
  model_dimension integer := (select m.dimension from models m where m.id = of_model);
  -- What {label} becomes in the rows of label_prompts.
  label_alone constant text := '{label}';
  directions vector[];
  factors double precision[];
begin
  perform check_label_names(set_name, labels);
  if coalesce(cardinality(labels), 0) < 2 or cardinality(labels) is distinct from cardinality(weights)
     or cardinality(labels) is distinct from cardinality(biases) then
    raise exception 'two labels or more, and a vector of weights and a bias for each expected, found % labels, % vectors and % biases',
      coalesce(cardinality(labels), 0), coalesce(cardinality(weights), 0), coalesce(cardinality(biases), 0) using errcode = 'UC005';
  end if;
  if exists (select from unnest(weights) as weight
              where (vector_dims(weight) = model_dimension and vector_norm(weight) between 1e-6 and 1e6) is not true) then
    raise exception 'a vector of weights has % numbers, as the embeddings of the photos, and a length from 1e-6 to 1e6', model_dimension
      using errcode = 'UC005';
  end if;
  if exists (select from unnest(biases) as bias where (abs(bias) <= 1e6) is not true) then
    raise exception 'biases from -1e6 to 1e6 expected, found %', biases using errcode = 'UC005';
  end if;
  if jsonb_typeof(training) is distinct from 'object' then
    raise exception 'training describes how the set was trained, as a JSON object; found %', coalesce(training::text, 'null')
      using errcode = 'UC005';
  end if;
  directions := array(
    select l2_normalize(weight) from unnest(weights) with ordinality as given (weight, position) order by position);
  factors := array(
    select vector_norm(weight) from unnest(weights) with ordinality as given (weight, position) order by position);
  perform label_lock(of_model, true);
  if exists (select from label_definitions d where d.model_id = of_model and d.set_name = of_set and d.training is null) then
    raise exception 'the label set % was not trained, and this one would replace it. Give this one another name, or remove that one first: unsplash-clip labels rm %',
      of_set, of_set using errcode = 'UC005';
  end if;
  if not exists (select from label_sets s where s.model_id = of_model and s.name = of_set) then
    insert into label_sets (model_id, name, template, labels, scales, biases, training)
    values (of_model, of_set, label_alone, labels, factors, biases, training);
    perform set_label_prompts(of_model, of_set, directions);
    return 'current';
  end if;
  -- A definition that is coming ends here, whether or not this one differs from the current one.
  perform drop_label_change(of_model, of_set);
  if exists (select from label_definitions d where d.model_id = of_model and d.set_name = of_set and d.labels = define_trained_set.labels
                and d.scales = factors and d.biases = define_trained_set.biases and same_prompts(d.prompts, directions)) then
    update label_sets s set training = define_trained_set.training where s.model_id = of_model and s.name = of_set;
    return 'current';
  end if;
  insert into label_changes (model_id, set_name, template, labels, prompts, scales, biases, training)
  values (of_model, of_set, label_alone, labels, directions, factors, biases, training);
  return 'coming';
end $$;
comment on function define_trained_set is
  'Stores a label set that was trained on vectors: logit of a label = its weights x the embedding of the photo, scaled to unit length, + its bias; scores are the softmax over the set. A new set is current at once, without labels; a changed one is coming until relabel makes it current. Photos that are ingested later get its labels, too. Returns current or coming.';
