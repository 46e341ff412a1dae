create or replace function model_id_of(model text) returns integer language plpgsql stable as $$
declare
  result integer;
begin
  if model is null then
    result := searched_model_id();
    if result is null then
      raise exception 'No photos were ingested yet, so there is no newest model. Run: unsplash-clip ingest' using errcode = 'UC003';
    end if;
    return result;
  end if;
  select id into result from models
   where id::text = model or (name = split_part(model, '@', 1) and split_part(model, '@', 2) in ('', precision))
   order by id desc limit 1;
  if result is null then
    raise exception 'No photo was embedded with model %; known: %', model,
      coalesce((select string_agg(distinct name || '@' || precision, ', ') from models), 'none') using errcode = 'UC003';
  end if;
  return result;
end $$;
comment on function model_id_of is
  'Id of the newest model of that name (name, name@precision or the id itself). Without a name: the model chosen for searches, or else the model of the newest run.';
