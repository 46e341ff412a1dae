create or replace function drop_references(model text default null) returns boolean language plpgsql as $$
declare
  of_model constant integer := model_id_of(model);
begin
  perform label_lock(of_model, true);
  delete from reference_sets s where s.model_id = of_model;
  return found;
end $$;
comment on function drop_references is
  'Removes the reference texts of a model: searches by words are ordered by their scores again. False when there are none. sweep_reference_scores deletes what is left of them.';
