create or replace function use_search_model(model text) returns integer language plpgsql as $$
declare
  chosen integer;
begin
  if use_search_model.model is null then
    delete from search_model;
    return searched_model_id();
  end if;
  chosen := model_id_of(use_search_model.model);
  if not exists (select from embeddings e where e.model_id = chosen) then
    raise exception 'No photo is embedded with % yet, so searches would find nothing. Ingest with it first.', use_search_model.model
      using errcode = 'UC002';
  end if;
  insert into search_model (model_id) values (chosen)
  on conflict (single) do update set model_id = excluded.model_id, chosen_at = now()
    where search_model.model_id <> excluded.model_id;
  return chosen;
end $$;
comment on function use_search_model is
  'Makes this model the one for searches that name none, from the end of this transaction on. Null: the model of the newest run again. Returns its id.';
