-- The model that searches use, how each kind of query is answered, and the words of each photo for full text search.

create table search_model (
  single boolean primary key default true check (single),
  model_id integer not null references models,
  chosen_at timestamptz not null default now()
);
comment on table search_model is
  'At most one row: the model for searches that name none. Without a row, it is the model of the newest run.';
comment on column search_model.single is 'Always true, so that there is at most one row.';
comment on column search_model.model_id is 'The model.';
comment on column search_model.chosen_at is 'When it was chosen.';

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
  'How queries of each kind are answered for a model, as "index tune" measured it; a kind without a row is searched exactly. Texts and images lie in different regions, so each kind has its own settings.';
comment on column search_settings.model_id is 'The model.';
comment on column search_settings.query_kind is 'The query vector was made from: text or image.';
comment on column search_settings.method is 'exact (compare all photos), ivfflat or hnsw.';
comment on column search_settings.index_name is 'The index; null for exact.';
comment on column search_settings.effort is
  'Search effort: lists probed (ivfflat.probes) or candidates kept (hnsw.ef_search); null for exact.';
comment on column search_settings.wanted_recall is 'The recall that was asked for.';
comment on column search_settings.measured_recall is
  'Mean share of the true ten nearest photos that the setting found over sampled_queries.';
comment on column search_settings.sampled_queries is 'Number of queries in the measurement.';
comment on column search_settings.photos is 'Number of embedded photos during the measurement.';
comment on column search_settings.tuned_at is 'When it was measured.';

create table text_language (
  single boolean primary key default true check (single),
  language text not null
);
comment on table text_language is
  'One row: the text search configuration for storing and finding words. Change it with use_text_language, which stores all words again.';
comment on column text_language.single is 'Always true, so that there is one row.';
comment on column text_language.language is 'Name of the text search configuration, such as english or simple.';
insert into text_language (language) values ('english');

-- Apart from photos: keywords are rows of another table and are loaded in bulk, before the photos or after them. Statement
-- triggers maintain it, so a load costs one computation per photo and statement, and a search reads stored words.
create table photo_texts (
  photo_id text collate "C" primary key,
  words tsvector not null default ''
);
comment on table photo_texts is
  'The words of each photo in photos or photo_keywords, for full text search. Triggers on both tables maintain it.';
comment on column photo_texts.photo_id is 'The photo.';
comment on column photo_texts.words is
  'Weights: A description by the photographer, B description by the AI and keywords from people, C landmark and places, D other keywords.';
create index photo_texts_words on photo_texts using gin (words);
