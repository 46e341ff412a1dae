-- Prompts that are embedded once and kept, and prompts that workers are asked to embed.
-- A prompt is stored in the form that normal_prompt gives. The checks repeat that form instead of calling the function, so that
-- a later change of the function cannot make stored rows invalid.

create table prompt_embeddings (
  model_id integer not null references models on delete cascade,
  prompt text collate "C" not null
    check (prompt <> '' and octet_length(prompt) <= 2000 and prompt = trim(regexp_replace(prompt, '\s+', ' ', 'g'))),
  embedding vector not null check (vector_norm(embedding) > 0),
  created_at timestamptz not null default now(),
  primary key (model_id, prompt)
);
comment on table prompt_embeddings is
  'Text embeddings by their prompts, in the form that normal_prompt gives. They stay until "unsplash-clip prompts remove".';
comment on column prompt_embeddings.model_id is 'The model.';
comment on column prompt_embeddings.prompt is 'The prompt, as normal_prompt gives it.';
comment on column prompt_embeddings.embedding is 'Text embedding of the prompt.';
comment on column prompt_embeddings.created_at is 'When the prompt was embedded.';

create table prompt_requests (
  id bigint generated always as identity primary key,
  model_id integer not null references models on delete cascade,
  prompt text collate "C" not null
    check (prompt <> '' and octet_length(prompt) <= 2000 and prompt = trim(regexp_replace(prompt, '\s+', ' ', 'g'))),
  requested_at timestamptz not null default now(),
  claimed_at timestamptz,
  answered_at timestamptz,
  problem text
);
comment on table prompt_requests is
  'Prompts that workers are asked to embed. Kept for a day; the answer is a row of prompt_embeddings, or problem.';
comment on column prompt_requests.id is 'Id of the request, as request_prompt returns it.';
comment on column prompt_requests.model_id is 'The model.';
comment on column prompt_requests.prompt is 'The prompt, as normal_prompt gives it.';
comment on column prompt_requests.requested_at is 'When it was last asked for.';
comment on column prompt_requests.claimed_at is
  'When a worker took it. A worker that has not answered after a minute counts as dead, and another one takes the request.';
comment on column prompt_requests.answered_at is 'When a worker answered; null while the request is open.';
comment on column prompt_requests.problem is 'Why the prompt could not be embedded; null on success.';
-- A second request for an open prompt waits for the same answer.
create unique index prompt_requests_open on prompt_requests (model_id, prompt) where answered_at is null;
create index prompt_requests_age on prompt_requests (requested_at);
