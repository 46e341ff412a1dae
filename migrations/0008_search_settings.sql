-- Which model is searched, and how: a method and its effort for each kind of query, as measured by "index tune".

create table search_model (
  single boolean primary key default true check (single),
  model_id integer not null references models,
  chosen_at timestamptz not null default now()
);
comment on table search_model is 'One row at most: the model that is searched when none is named. Without it, the model of the newest run.';

create table search_settings (
  model_id integer not null references models on delete cascade,
  query_kind text not null check (query_kind in ('text', 'image')),
  method text not null check (method in ('exact', 'ivfflat', 'hnsw')),
  index_name text,
  effort integer check (effort > 0),
  wanted_recall real check (wanted_recall > 0 and wanted_recall <= 1),
  measured_recall real check (measured_recall between 0 and 1),
  sampled_queries integer,
  photos bigint,
  tuned_at timestamptz not null default now(),
  primary key (model_id, query_kind),
  check ((method = 'exact') = (index_name is null) and (method = 'exact') = (effort is null))
);
comment on table search_settings is
  'How queries of each kind are answered for a model; a kind without a row is searched exactly. Texts lie elsewhere than images do, so each kind has its own.';
comment on column search_settings.effort is 'Lists probed (ivfflat.probes) or candidates kept (hnsw.ef_search).';
comment on column search_settings.measured_recall is 'Share of the true ten nearest that the setting found, mean over sampled_queries, when photos were embedded.';

create or replace function model_id_of(model text) returns integer language plpgsql stable as $$
declare
  result integer;
begin
  if model is null then
    select s.model_id into result from search_model s;
    if result is null then
      select model_id into result from runs order by position desc limit 1;
    end if;
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
  'Id of the newest model of that name (name, name@precision or the id itself); without a name, the model chosen for searches, else that of the newest run.';
