create or replace function search_setting(of_model integer, kind text) returns setof search_settings language sql stable as $$
  select s.* from search_settings s
   where s.model_id = of_model and s.query_kind = search_setting.kind
     and coalesce(current_setting('unsplash_clip.tried_setting', true), '') = ''
  union all
  select t.* from jsonb_populate_record(null::search_settings,
                    nullif(current_setting('unsplash_clip.tried_setting', true), '')::jsonb) as t
   where t.method is not null
$$;
comment on function search_setting is
  'Part of search_plan: how a kind of query is answered. That is the row of search_settings, or while a transaction tries another one, what unsplash_clip.tried_setting holds: {"method":"hnsw","index_name":"embeddings_m1_hnsw","effort":100}.';
