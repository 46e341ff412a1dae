-- Since when a batch is open, for monitoring.

alter table batches add column open_since timestamptz not null default now();
comment on column batches.open_since is
  'When the batch was recorded, or last became open again: after it was settled, dropped or given up.';
