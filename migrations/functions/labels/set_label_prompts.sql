create or replace function set_label_prompts(of_model integer, of_set text, embeddings vector[]) returns void language sql as $$
  delete from label_prompts p where p.model_id = of_model and p.set_name = of_set;
  insert into label_prompts (model_id, set_name, position, label, prompt, embedding)
  select of_model, of_set, new.position, new.label, replace(s.template, '{label}', new.label), new.embedding
    from label_sets s
   cross join unnest(s.labels, embeddings) with ordinality as new (label, embedding, position)
   where s.model_id = of_model and s.name = of_set;
$$;
comment on function set_label_prompts is
  'Part of define_label_set and label_switch: stores the prompts of a set according to its definition.';
