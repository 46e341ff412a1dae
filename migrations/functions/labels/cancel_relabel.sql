create or replace function cancel_relabel(set_name text, model text default null) returns boolean language plpgsql as $$
declare
  of_model constant integer := model_id_of(model);
begin
  perform label_lock(of_model, true);
  return drop_label_change(of_model, set_name);
end $$;
comment on function cancel_relabel is
  'Drops the coming definition of a label set; readers keep the current one. False when there is none.';
