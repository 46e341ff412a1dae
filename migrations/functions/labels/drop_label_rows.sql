create or replace function drop_label_rows() returns trigger language plpgsql as $$
begin
  delete from label_ranges r using label_definitions d
   where r.version = d.version and d.model_id = old.model_id and d.set_name = old.name;
  -- Labels of earlier versions, which nobody reads, are left to sweep_labels.
  delete from label_rows l
   where l.version = any (array(select d.version from label_definitions d where d.model_id = old.model_id and d.set_name = old.name));
  return old;
end $$;
comment on function drop_label_rows is 'Trigger: deletes the labels of a set together with the set.';

create or replace trigger drop_label_rows before delete on label_sets for each row execute function drop_label_rows();
