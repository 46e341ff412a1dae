create or replace function define_label_set(
  set_name text, template text, labels text[], embeddings vector[], model text default null, keep_known boolean default false
) returns text language plpgsql as $$
declare
  of_model constant integer := model_id_of(model);
  of_set constant text := set_name;
  model_dimension integer := (select m.dimension from models m where m.id = of_model);
  equal_labels text;
begin
  if (set_name ~ '^[a-z][a-z0-9_]{0,62}$') is not true then
    raise exception 'the name of a label set has lower-case letters, digits and _, found %', coalesce(set_name, 'null') using errcode = 'UC005';
  end if;
  if template is null or strpos(template, '{label}') = 0 then
    raise exception 'a template with {label} in it expected, found %', coalesce(template, 'null') using errcode = 'UC005';
  end if;
  if exists (select from unnest(labels) as label where coalesce(label, '') !~ '\S') then
    raise exception 'labels that are words expected, found an empty one' using errcode = 'UC005';
  end if;
  -- The index of label_rows holds no longer ones: every photo would be refused.
  if exists (select from unnest(labels) as label where octet_length(label) > 2000) then
    raise exception 'labels of at most 2000 bytes expected, found one beginning "%"',
      (select left(label, 40) from unnest(labels) as label where octet_length(label) > 2000 limit 1) using errcode = 'UC005';
  end if;
  -- Models read them as one: their tokens have neither upper case nor blanks at the ends.
  select string_agg(format('"%s"', label), ', ') into equal_labels from unnest(labels) as label
   group by lower(trim(regexp_replace(label, '\s+', ' ', 'g'))) having count(*) > 1 limit 1;
  if equal_labels is not null then
    raise exception 'different labels expected, found %, which differ in upper case and blanks at most', equal_labels using errcode = 'UC005';
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
