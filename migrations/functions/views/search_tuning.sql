create or replace view search_tuning as
  select m.id as model_id, m.name || '@' || m.precision as model, kinds.query_kind,
         case when i.indisvalid then s.method else 'exact' end as answered_by,
         case when i.indisvalid then s.effort end as effort,
         s.index_name, s.wanted_recall, s.measured_recall, s.sampled_queries, s.tuned_at, s.photos as photos_at_tuning,
         counted.photos,
         case when s.model_id is null then 'not tuned'
              when s.method <> 'exact' and i.indisvalid is not true then 'index missing'
              when counted.photos >= 2 * s.photos then 'stale'
              else 'tuned' end as state
    from models m
   cross join (values ('text'), ('image')) as kinds (query_kind)
   cross join lateral (select count(*) as photos from embeddings e where e.model_id = m.id) as counted
    left join search_settings s on s.model_id = m.id and s.query_kind = kinds.query_kind
    left join pg_index i on i.indexrelid = to_regclass(quote_ident(s.index_name));
comment on view search_tuning is
  'How queries of each kind are answered now: exactly where nothing was tuned or the index is gone.';
comment on column search_tuning.model_id is 'Id of the model.';
comment on column search_tuning.model is 'The model, as name@precision.';
comment on column search_tuning.query_kind is 'The query vector was made from: text or image.';
comment on column search_tuning.answered_by is 'exact, ivfflat or hnsw.';
comment on column search_tuning.effort is 'Search effort: lists probed or candidates kept.';
comment on column search_tuning.index_name is 'The index that was tuned.';
comment on column search_tuning.wanted_recall is 'The recall that was asked for.';
comment on column search_tuning.measured_recall is 'The recall that was measured.';
comment on column search_tuning.sampled_queries is 'Number of queries in the measurement.';
comment on column search_tuning.tuned_at is 'When it was measured.';
comment on column search_tuning.photos_at_tuning is 'Photos during the measurement.';
comment on column search_tuning.photos is 'Photos now.';
comment on column search_tuning.state is 'tuned, not tuned, index missing, or stale (the photos have doubled since).';
