create or replace function drop_label_change(of_model integer, of_set text) returns boolean language plpgsql as $$
begin
  delete from label_ranges r using label_definitions d
   where r.version = d.version and d.model_id = of_model and d.set_name = of_set;
  delete from label_changes c where c.model_id = of_model and c.set_name = of_set;
  return found;
end $$;
comment on function drop_label_change is
  'Part of define_label_set and cancel_relabel: deletes the coming definition of a set. sweep_labels deletes its labels.';
