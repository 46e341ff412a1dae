create or replace function searched_model_id() returns integer language sql stable as $$
  select coalesce((select s.model_id from search_model s),
                  (select r.model_id from runs r order by r.position desc limit 1),
                  (select m.id from models m where exists (select from embeddings e where e.model_id = m.id) order by m.id desc limit 1))
$$;
comment on function searched_model_id is
  'Id of the model of searches that name none: the one that was chosen; else that of the newest run; else the newest with embeddings, where there are no runs. Null: there are no embeddings.';
