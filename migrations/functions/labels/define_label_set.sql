-- requires: check_label_names, label_definitions
create or replace function define_label_set(
  set_name text, template text, labels text[], embeddings vector[], model text default null, keep_known boolean default false
) returns text language plpgsql as $$
declare
  of_model constant integer := model_id_of(model);
  of_set constant text := set_name;
  model_dimension integer := (select m.dimension from models m where m.id = of_model);
begin
  perform check_label_names(set_name, labels);
  if template is null or strpos(template, '{label}') = 0 then
    raise exception 'a template with {label} in it expected, found %', coalesce(template, 'null') using errcode = 'UC005';
  end if;
  if coalesce(cardinality(labels), 0) = 0 or cardinality(labels) is distinct from cardinality(embeddings) then
    raise exception 'one embedding a label expected, found % labels and % embeddings',
      coalesce(cardinality(labels), 0), coalesce(cardinality(embeddings), 0) using errcode = 'UC005';
  end if;
  if exists (select from unnest(embeddings) as prompt
              where (vector_dims(prompt) = model_dimension and vector_norm(prompt) > 0) is not true) then
    raise exception 'the embedding of a prompt has % numbers, as those of the photos, and not all are 0', model_dimension
      using errcode = 'UC005';
  end if;
  embeddings := array(
    select l2_normalize(prompt) from unnest(embeddings) with ordinality as given (prompt, position) order by position);
  perform label_lock(of_model, true);
  if exists (select from label_definitions d where d.model_id = of_model and d.set_name = of_set and d.training is not null) then
    raise exception 'the label set % was trained on photos, and prompts would replace it. Give this one another name, or remove that one first: unsplash-clip labels rm %',
      of_set, of_set using errcode = 'UC005';
  end if;
  if not exists (select from label_sets s where s.model_id = of_model and s.name = of_set) then
    insert into label_sets (model_id, name, template, labels) values (of_model, of_set, template, labels);
    perform set_label_prompts(of_model, of_set, embeddings);
    return 'current';
  end if;
  if exists (select from label_definitions d where d.model_id = of_model and d.set_name = of_set and d.state = 'current'
                and d.template = define_label_set.template and d.labels = define_label_set.labels
                and (keep_known or same_prompts(d.prompts, embeddings))) then
    return 'current';
  end if;
  if not exists (select from label_definitions d where d.model_id = of_model and d.set_name = of_set and d.state = 'coming'
                    and d.template = define_label_set.template and d.labels = define_label_set.labels
                    and (keep_known or same_prompts(d.prompts, embeddings))) then
    perform drop_label_change(of_model, of_set);
    insert into label_changes (model_id, set_name, template, labels, prompts)
    values (of_model, of_set, template, labels, embeddings);
  end if;
  return 'coming';
end $$;
comment on function define_label_set is
  'Stores a label set with the embeddings of its prompts, one per label. A new set is current at once, without labels. A changed definition of a known set is coming, also if only the embeddings changed: relabel makes it current. It replaces an earlier coming definition. keep_known: template and labels alone make a definition; for embeddings that the same model made again. Returns current or coming.';
