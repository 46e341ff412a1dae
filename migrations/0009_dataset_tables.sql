-- The other tables of the Unsplash dataset, as `ingest --table` loads them. No foreign keys to photos: a table may be loaded
-- before its photos, and may hold photos that were not selected. Keys are what a row is told by when it comes again.
-- An index entry holds 2,704 bytes at most, so `ingest --table` refuses rows with longer values.

create table photo_keywords (
  photo_id text collate "C" not null,
  keyword text collate "C" not null,
  ai_service_1_confidence double precision,
  ai_service_2_confidence double precision,
  suggested_by_user boolean,
  primary key (photo_id, keyword)
);
comment on table photo_keywords is 'keywords.tsv of the Unsplash dataset: one row a photo and keyword. Load with: unsplash-clip ingest --table keywords.';
comment on column photo_keywords.ai_service_1_confidence is 'Percent, of one recognition service; null: it did not find the keyword.';
comment on column photo_keywords.ai_service_2_confidence is 'Percent, of another recognition service; null: it did not find the keyword.';
comment on column photo_keywords.suggested_by_user is 'Whether a person gave the keyword.';
-- With the photo in it, the photos of a keyword are read from the index alone.
create index photo_keywords_by_keyword on photo_keywords (keyword, photo_id);

create table photo_collections (
  photo_id text collate "C" not null,
  collection_id text collate "C" not null,
  collection_title text collate "C",
  photo_collected_at timestamp,
  primary key (photo_id, collection_id)
);
comment on table photo_collections is 'collections.tsv of the Unsplash dataset: one row a photo and collection it lies in. Load with: unsplash-clip ingest --table collections.';
comment on column photo_collections.collection_id is 'A number in older releases, letters and digits in newer ones.';
create index photo_collections_by_id on photo_collections (collection_id, photo_id);
create index photo_collections_by_title on photo_collections (collection_title, photo_id);

create table photo_colors (
  photo_id text collate "C" not null,
  hex text collate "C" not null check (hex ~ '^[0-9A-F]{6}$'),
  red smallint check (red between 0 and 255),
  green smallint check (green between 0 and 255),
  blue smallint check (blue between 0 and 255),
  keyword text collate "C",
  ai_coverage double precision,
  ai_score double precision,
  primary key (photo_id, hex)
);
comment on table photo_colors is 'colors.tsv of the Unsplash dataset: one row a photo and major color. Load with: unsplash-clip ingest --table colors.';
comment on column photo_colors.keyword is 'The nearest CSS color keyword, such as darkslategrey.';
comment on column photo_colors.ai_coverage is 'Percent of the pixels that have the color.';
comment on column photo_colors.ai_score is 'Weight of the color in the photo, its focus counted in.';
create index photo_colors_by_keyword on photo_colors (keyword, photo_id);

create table photo_conversions (
  converted_at timestamp not null,
  conversion_type text collate "C",
  keyword text collate "C",
  photo_id text collate "C" not null,
  anonymous_user_id text collate "C",
  conversion_country text collate "C",
  unique nulls not distinct (photo_id, converted_at, anonymous_user_id, keyword, conversion_type, conversion_country)
);
comment on table photo_conversions is
  'conversions.tsv of the Unsplash dataset: one row a download that a search led to. The dataset gives them no id: rows equal in every column are one. Load with: unsplash-clip ingest --table conversions.';
comment on column photo_conversions.keyword is 'What was searched.';
comment on column photo_conversions.conversion_country is 'Two letters, by the location of the device.';
create index photo_conversions_by_keyword on photo_conversions (keyword, photo_id);
