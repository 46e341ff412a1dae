-- Runs, their batches, batches parked while a run is paused, and the workers.

create table runs (
  id text primary key,
  position bigint generated always as identity,
  model_id integer not null references models,
  source text not null,
  options jsonb not null default '{}',
  created_at timestamptz not null default now(),
  enqueued_at timestamptz,
  control text not null default 'active' check (control in ('active', 'paused', 'cancelled')),
  priority text not null default 'normal' check (priority in ('high', 'normal', 'low')),
  label_sets jsonb not null default '[]'
);
comment on table runs is 'One row per ingest. run_progress shows how far each one is.';
comment on column runs.id is 'Id of the run: its start time and four random characters.';
comment on column runs.position is 'Order in which runs were created.';
comment on column runs.model_id is 'The model that embeds its photos.';
comment on column runs.source is 'Where its photos come from: a file, a folder or a URL list.';
comment on column runs.options is 'Options of the command that started the run.';
comment on column runs.created_at is 'When the run was created.';
comment on column runs.enqueued_at is 'When the producer had added all batches; null while it still adds some.';
comment on column runs.control is
  'The requested state: active, paused, or cancelled (permanently). Workers read it with every batch.';
comment on column runs.priority is 'Priority of its batches in the queue: high, normal, low.';
comment on column runs.label_sets is
  'Definitions of the label sets when the run was started: [{"name", "template", "labels"}].';
create index runs_by_position on runs (position);

create table batches (
  id text primary key,
  run_id text not null references runs,
  model_id integer not null references models,
  photo_ids text[] not null,
  photo_count integer not null,
  done_count integer not null default 0,
  failed_count integer not null default 0,
  settled_at timestamptz,
  dropped_at timestamptz,
  given_up_at timestamptz,
  given_up_code text,
  given_up_message text
);
comment on table batches is
  'Photos that travel through the queue together. The counts are computed from embeddings and failures, never incremented.';
comment on column batches.id is 'Derived from the contents, so the same photos make the same batch.';
comment on column batches.run_id is 'The run that asks for the batch now.';
comment on column batches.model_id is 'The model that embeds its photos.';
comment on column batches.photo_ids is 'Its photos.';
comment on column batches.photo_count is 'Number of its photos.';
comment on column batches.done_count is 'Photos that are embedded.';
comment on column batches.failed_count is 'Photos that failed permanently.';
comment on column batches.settled_at is 'When all photos were embedded or had failed; null before.';
comment on column batches.dropped_at is 'When a worker dropped the batch because its run was cancelled.';
comment on column batches.given_up_at is 'When the queue gave the batch up, after its last delivery was rejected.';
comment on column batches.given_up_code is 'Error code of the last rejection.';
comment on column batches.given_up_message is 'The last rejection, for people.';
create index batches_by_run on batches (run_id);
create index batches_open on batches (run_id) where settled_at is null;

create table parked_batches (
  id text primary key,
  batch_id text not null references batches on delete cascade,
  run_id text not null references runs on delete cascade,
  batch jsonb not null,
  parked_at timestamptz not null default now()
);
comment on table parked_batches is
  'Batches that workers received while their run was paused, as they were in the queue. "run resume" puts them back there.';
comment on column parked_batches.id is 'Id of the job in the queue.';
comment on column parked_batches.batch_id is 'The batch.';
comment on column parked_batches.run_id is 'The run that is paused.';
comment on column parked_batches.batch is 'The job as it was in the queue.';
comment on column parked_batches.parked_at is
  'When it was last parked. A session that puts it back deletes the row only if this has not changed.';
create index parked_batches_by_run on parked_batches (run_id, id);
create index parked_batches_by_batch on parked_batches (batch_id);

create table workers (
  id text primary key,
  host text not null,
  pid integer not null,
  model text not null,
  started_at timestamptz not null,
  seen_at timestamptz not null,
  embedded bigint not null,
  failed bigint not null,
  photos_per_second real not null,
  in_hand jsonb not null,
  trouble text
);
comment on table workers is
  'One row per worker process: its last report. A worker seen within the last 30 seconds is alive; one that ends normally deletes its row.';
comment on column workers.id is 'Id of the worker.';
comment on column workers.host is 'Name of its machine.';
comment on column workers.pid is 'Process id on that machine.';
comment on column workers.model is 'The model it was started with, as name@precision.';
comment on column workers.started_at is 'When it started.';
comment on column workers.seen_at is 'When it last reported.';
comment on column workers.embedded is 'Photos it has embedded since it started.';
comment on column workers.failed is 'Photos that have failed permanently since it started.';
comment on column workers.photos_per_second is 'Photos settled per second, recently.';
comment on column workers.in_hand is 'Photos it is working on, by run: {"20261123091500-a1b2": 128}.';
comment on column workers.trouble is 'Why it is waiting, such as an unreachable service; null when all is well.';
