create or replace function remove_label_set(set_name text, model text default null) returns bigint language plpgsql as $$
declare
  of_model constant integer := model_id_of(model);
  of_set constant text := set_name;
  known text;
  removed bigint;
begin
  perform label_lock(of_model, true);
  if not exists (select from label_sets s where s.model_id = of_model and s.name = of_set) then
    select string_agg(s.name, ', ' order by s.name) into known from label_sets s where s.model_id = of_model;
    raise exception 'there is no label set % for this model; known: %', coalesce(of_set, 'null'), coalesce(known, 'none')
      using errcode = 'UC003';
  end if;
  -- By version, which the primary key begins with. Labels of earlier versions are swept.
  select count(*) into removed from label_rows l
   where l.version = (select s.version from label_sets s where s.model_id = of_model and s.name = of_set);
  delete from label_sets s where s.model_id = of_model and s.name = of_set;
  return removed;
end $$;
comment on function remove_label_set is
  'Removes a label set of a model with its prompts and labels. A run that wants the set stores it again. Returns the number of labels removed.';
