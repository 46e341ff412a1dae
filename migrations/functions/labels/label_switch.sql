create or replace function label_switch(of_model integer, of_set text) returns boolean language plpgsql as $$
declare
  coming label_changes;
begin
  perform label_lock(of_model, true);
  delete from label_changes c where c.model_id = of_model and c.set_name = of_set and c.complete returning * into coming;
  if not found then
    return false;
  end if;
  update label_sets s
     set template = coming.template, labels = coming.labels, version = coming.version, created_at = now(),
         scales = coming.scales, biases = coming.biases, training = coming.training
   where s.model_id = of_model and s.name = of_set;
  perform set_label_prompts(of_model, of_set, coming.prompts);
  return true;
end $$;
comment on function label_switch is
  'Makes the coming definition of a set current, together with its labels. False when there is none, or when photos may lack a label.';
