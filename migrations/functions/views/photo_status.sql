create or replace view photo_status as
  select p.photo_id, m.name || '@' || m.precision as model, m.id as model_id,
         case when e.photo_id is not null then 'embedded' when f.photo_id is not null then 'failed' else 'missing' end as state,
         e.created_at as embedded_at, e.stored_key, f.code, f.message, f.attempts, f.failed_at
    from photos p cross join models m
    left join embeddings e on e.model_id = m.id and e.photo_id = p.photo_id
    left join failures f on f.model_id = m.id and f.photo_id = p.photo_id;
comment on view photo_status is 'Every photo under every model: embedded, failed (with the reason) or missing.';
comment on column photo_status.photo_id is 'The photo.';
comment on column photo_status.model is 'The model, as name@precision.';
comment on column photo_status.model_id is 'Id of the model.';
comment on column photo_status.state is 'embedded, failed (permanently) or missing.';
comment on column photo_status.embedded_at is 'When it was first embedded.';
comment on column photo_status.stored_key is
  'Key of the compressed copy in the object store; null when no copy is kept.';
comment on column photo_status.code is 'Error code of a failed photo.';
comment on column photo_status.message is 'Error message of a failed photo.';
comment on column photo_status.attempts is 'How often a failed photo was tried.';
comment on column photo_status.failed_at is 'When the last attempt failed.';
