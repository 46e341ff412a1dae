-- Some photos are near to every text. How near each photo is to reference texts tells by how much, and searches by words can
-- subtract a part of it: Nearest Neighbor Normalization, N. Chowdhury et al., EMNLP 2024 (arXiv 2410.24114).

create table reference_sets (
  version integer generated always as identity primary key,
  model_id integer not null references models on delete cascade,
  state text not null check (state in ('current', 'coming')),
  k integer not null check (k > 0),
  weight double precision not null default 0 check (weight between 0 and 2),
  floor real,
  complete boolean not null default false,
  created_at timestamptz not null default now(),
  unique (model_id, state)
);
comment on table reference_sets is
  'Texts that all photos of a model are compared with, at most two sets per model: the one that searches use, and the one that will replace it when every photo has been compared.';
comment on column reference_sets.version is 'Number of the set.';
comment on column reference_sets.model_id is 'The model.';
comment on column reference_sets.state is 'current: searches use it. coming: photos are compared with its texts now, unseen by searches.';
comment on column reference_sets.k is 'Number of texts per photo, the most similar ones, whose mean similarity is stored.';
comment on column reference_sets.weight is
  'Share of the mean similarity that searches by words subtract from the score of a photo to order their hits, if they name no share themselves; 0: hits are ordered by score.';
comment on column reference_sets.floor is
  'Searches take a lower top_mean for this one, which bounds how far they have to look: 99 of 100 photos had a higher one when the set became current. Null: there were no photos.';
comment on column reference_sets.complete is 'Every photo has been compared, so the set may become current.';
comment on column reference_sets.created_at is 'When the set was stored.';

create table reference_texts (
  version integer not null references reference_sets on delete cascade,
  position integer not null,
  text text not null,
  embedding vector not null check (vector_norm(embedding) > 0),
  primary key (version, position)
);
comment on table reference_texts is 'The texts of each reference set.';
comment on column reference_texts.version is 'The reference set.';
comment on column reference_texts.position is 'Position of the text in its set, from 1.';
comment on column reference_texts.text is 'The text, as normal_prompt gives it.';
comment on column reference_texts.embedding is 'Text embedding, of unit length.';

-- Apart from embeddings: to compare all photos again would rewrite that table, and every entry of its vector indexes. No
-- foreign keys: their triggers would cost more than a search gains. Triggers on embeddings maintain it.
create table reference_scores (
  version integer not null,
  photo_id text collate "C" not null,
  top_mean real not null,
  primary key (version, photo_id)
);
comment on table reference_scores is
  'How similar each photo is to the reference texts that it is most similar to. Triggers on embeddings maintain it.';
comment on column reference_scores.version is 'The reference set.';
comment on column reference_scores.photo_id is 'The photo.';
comment on column reference_scores.top_mean is
  'Mean cosine similarity to the k most similar texts: large for photos that come up in every search.';

create table reference_ranges (
  version integer not null references reference_sets on delete cascade,
  first_block bigint not null,
  end_block bigint not null,
  primary key (version, first_block)
);
comment on table reference_ranges is
  'Ranges of disk blocks of a model''s embeddings whose photos are still to be compared. A session that compares a range deletes its row in the same transaction.';
comment on column reference_ranges.version is 'The reference set.';
comment on column reference_ranges.first_block is 'First block of the range.';
comment on column reference_ranges.end_block is 'First block after the range.';
