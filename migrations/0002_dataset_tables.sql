-- The other tables of the Unsplash dataset, as `ingest --table` loads them. No foreign keys to photos: a table may be loaded
-- before its photos, and may hold photos that were not selected. The keys recognise a row that is loaded again.
-- An index entry holds at most 2,704 bytes, so `ingest --table` refuses rows with longer values.

create table photo_keywords (
  photo_id text collate "C" not null,
  keyword text collate "C" not null,
  ai_service_1_confidence double precision,
  ai_service_2_confidence double precision,
  suggested_by_user boolean,
  primary key (photo_id, keyword)
);
comment on table photo_keywords is
  'keywords.tsv of the Unsplash dataset: one row per photo and keyword. Load it with: unsplash-clip ingest --table keywords.';
comment on column photo_keywords.photo_id is 'The photo; it need not be in photos.';
comment on column photo_keywords.keyword is 'The keyword.';
comment on column photo_keywords.ai_service_1_confidence is
  'Confidence of one recognition service, in percent; null if it did not find the keyword.';
comment on column photo_keywords.ai_service_2_confidence is
  'Confidence of another recognition service, in percent; null if it did not find the keyword.';
comment on column photo_keywords.suggested_by_user is 'Whether a person gave the keyword.';
-- Includes the photo, so that the photos of a keyword are read from the index alone.
create index photo_keywords_by_keyword on photo_keywords (keyword, photo_id);

create table photo_collections (
  photo_id text collate "C" not null,
  collection_id text collate "C" not null,
  collection_title text collate "C",
  photo_collected_at timestamp,
  primary key (photo_id, collection_id)
);
comment on table photo_collections is
  'collections.tsv of the Unsplash dataset: one row per photo and collection. Load it with: unsplash-clip ingest --table collections.';
comment on column photo_collections.photo_id is 'The photo; it need not be in photos.';
comment on column photo_collections.collection_id is
  'Id of the collection: a number in older releases, letters and digits in newer ones.';
comment on column photo_collections.collection_title is 'Title of the collection.';
comment on column photo_collections.photo_collected_at is 'When the photo was added. The dataset names no time zone.';
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
comment on table photo_colors is
  'colors.tsv of the Unsplash dataset: one row per photo and major color. Load it with: unsplash-clip ingest --table colors.';
comment on column photo_colors.photo_id is 'The photo; it need not be in photos.';
comment on column photo_colors.hex is 'The color as six hexadecimal digits, RRGGBB.';
comment on column photo_colors.red is 'Red component, 0 to 255.';
comment on column photo_colors.green is 'Green component, 0 to 255.';
comment on column photo_colors.blue is 'Blue component, 0 to 255.';
comment on column photo_colors.keyword is 'The nearest CSS color keyword, such as darkslategrey.';
comment on column photo_colors.ai_coverage is 'Share of the pixels that have the color, in percent.';
comment on column photo_colors.ai_score is 'Weight of the color in the photo, considering its focus.';
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
  'conversions.tsv of the Unsplash dataset: one row per download that followed a search. The dataset gives them no id: rows that are equal in every column count as one. Load it with: unsplash-clip ingest --table conversions.';
comment on column photo_conversions.converted_at is 'When the photo was downloaded. The dataset names no time zone.';
comment on column photo_conversions.conversion_type is 'Kind of conversion; download.';
comment on column photo_conversions.keyword is 'The words that were searched.';
comment on column photo_conversions.photo_id is 'The photo; it need not be in photos.';
comment on column photo_conversions.anonymous_user_id is 'Pseudonym of the person.';
comment on column photo_conversions.conversion_country is 'Two-letter code of the country where the device was.';
create index photo_conversions_by_keyword on photo_conversions (keyword, photo_id);
