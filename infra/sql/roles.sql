-- Two roles with the least rights: unsplash_clip_worker for producers and workers, unsplash_clip_reader for searches.
--
-- An administrator who may create roles and alter the project's functions runs it in the project's database, after
-- `npx unsplash-clip db migrate` and again after every later migration (a new table or function has no grants yet). Running
-- it twice changes nothing. The schema keeps its owner, who also runs `db migrate`.
--
--   npx unsplash-clip db migrate
--   psql "$ADMIN_URL" -v ON_ERROR_STOP=1 -f infra/sql/roles.sql
--   create role ingest login password '…' in role unsplash_clip_worker;
--   create role search login password '…' in role unsplash_clip_reader;
--   alter role search set statement_timeout = '30s';
--
-- This is not a migration: roles belong to the whole server, and creating them needs rights that a migration may lack.
begin;

do $$
declare
  role_name text;
begin
  foreach role_name in array array['unsplash_clip_worker', 'unsplash_clip_reader'] loop
    if not exists (select from pg_roles where rolname = role_name) then
      execute format('create role %I nologin', role_name);
    end if;
  end loop;
end $$;

-- Revokes grants of earlier versions of this file.
revoke all on all tables in schema public from unsplash_clip_worker, unsplash_clip_reader;

-- The default since Postgres 15, not in a database that was upgraded from an older one.
revoke create on schema public from public;
grant usage on schema public to unsplash_clip_worker, unsplash_clip_reader;

-- Read by everyone who searches. Not runs.options: it holds command lines.
grant select on schema_migrations, schema_functions, models, photos, embeddings, failures, label_sets, label_prompts, photo_labels
  to unsplash_clip_worker, unsplash_clip_reader;
grant select on photo_keywords, photo_collections, photo_colors, photo_conversions
  to unsplash_clip_worker, unsplash_clip_reader;
grant select on prompt_embeddings, prompt_requests to unsplash_clip_worker, unsplash_clip_reader;
grant select on search_model, search_settings, search_tuning, index_status, image_regions to unsplash_clip_worker, unsplash_clip_reader;
grant select on label_rows, label_changes, label_definitions, label_progress to unsplash_clip_worker, unsplash_clip_reader;
grant select on reference_sets, reference_texts, reference_scores, reference_progress to unsplash_clip_worker, unsplash_clip_reader;
grant select on photo_places to unsplash_clip_worker, unsplash_clip_reader;
grant select on projections, projection_points to unsplash_clip_worker, unsplash_clip_reader;
grant select on photo_texts, text_language to unsplash_clip_worker, unsplash_clip_reader;
grant select on batches, parked_batches, workers to unsplash_clip_reader;
grant select on photo_status, labelled_photos, run_progress, open_batches, monitoring to unsplash_clip_worker, unsplash_clip_reader;
grant select (id, position, model_id, source, created_at, enqueued_at, control, priority) on runs to unsplash_clip_reader;

-- Checked by `serve`. Keys are made and revoked by the owner.
grant select, update (last_used_at) on api_keys to unsplash_clip_worker;
grant select on api_keys to unsplash_clip_reader;
grant select, insert, update, delete on submissions to unsplash_clip_worker;
grant select, insert, update, delete on label_marks to unsplash_clip_worker;
grant select on label_marks to unsplash_clip_reader;
-- Taught by the owner.
grant select on label_examples to unsplash_clip_worker, unsplash_clip_reader;

-- Written by producers and workers. Photos, embeddings and runs are never deleted by them: `photo rm` and --sync need the owner.
grant insert, update on photos, embeddings, label_sets to unsplash_clip_worker;
grant select, insert, update on imports to unsplash_clip_worker;
grant select on imports to unsplash_clip_reader;
grant insert, update on photo_keywords, photo_collections, photo_colors, photo_conversions to unsplash_clip_worker;
grant insert, update on photo_texts to unsplash_clip_worker;
grant insert, update, delete on reference_sets, reference_texts, reference_scores to unsplash_clip_worker;
grant select, insert, update, delete on reference_ranges to unsplash_clip_worker;
grant insert, update, delete on photo_places to unsplash_clip_worker;
grant select, insert, update, delete on url_templates, photo_templates, photo_versions to unsplash_clip_worker;
grant select, insert, update, delete on removed_copies to unsplash_clip_worker;
grant select, insert on copy_folders to unsplash_clip_worker;
grant insert, update, delete on failures, label_prompts, label_changes, label_rows to unsplash_clip_worker;
grant select, insert, update, delete on label_ranges to unsplash_clip_worker;
grant usage on sequence label_versions to unsplash_clip_worker;
grant select, insert, update on runs, batches to unsplash_clip_worker;
grant select, insert, update, delete on parked_batches, workers, host_limits to unsplash_clip_worker;

grant insert, delete on prompt_embeddings to unsplash_clip_worker;
grant update, delete on prompt_requests to unsplash_clip_worker;

-- Readers may ask a worker for a prompt, which is a row and a notification, and may change nothing else there.
alter function request_prompt security definer;
revoke execute on function request_prompt from public;
grant execute on function request_prompt to unsplash_clip_worker, unsplash_clip_reader;

-- A new model is a new partition of embeddings, which only the owner may make: this one function runs as its owner. Its
-- search path is pinned, so that no object of the caller is taken for one of the schema.
alter function register_model security definer;
revoke execute on function register_model from public;
grant execute on function register_model to unsplash_clip_worker;

-- pgvector may be in a schema of its own: both functions find it there, and so do the roles. Their sessions need it in their
-- search_path too, which the database sets for all: alter database … set search_path = public, extensions.
do $$
declare
  vector_schema name := (select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'vector');
  path text := 'public' || case when vector_schema not in ('public', 'pg_catalog') then ', ' || quote_ident(vector_schema) else '' end || ', pg_temp';
begin
  execute format('alter function request_prompt set search_path = %s', path);
  execute format('alter function register_model set search_path = %s', path);
  execute format('grant usage on schema %I to unsplash_clip_worker, unsplash_clip_reader', vector_schema);
end $$;

-- The queue, if it is in Postgres. `db migrate` makes its tables, not its users.
do $$
begin
  if to_regnamespace('bullmq') is not null then
    -- Readers see how many batches wait.
    grant usage on schema bullmq to unsplash_clip_worker, unsplash_clip_reader;
    grant select on all tables in schema bullmq to unsplash_clip_reader;
    grant select, insert, update, delete on all tables in schema bullmq to unsplash_clip_worker;
    revoke insert, update, delete on bullmq.migration from unsplash_clip_worker;
    grant usage on all sequences in schema bullmq to unsplash_clip_worker;
    grant execute on all functions in schema bullmq to unsplash_clip_worker;
  end if;
end $$;

commit;
