-- Columns that release 1.4.0 of the Unsplash dataset added to its tables.

alter table photo_keywords
  add column user_suggestion_source text,
  add column suggested_by_ai_service_3 boolean,
  add column confirmed_by_ai_service_3 boolean;
comment on column photo_keywords.user_suggestion_source is
  'Where the person who gave the keyword stands to the photo, such as photographer; from release 1.4.0 on.';
comment on column photo_keywords.suggested_by_ai_service_3 is
  'Whether a third recognition service found the keyword; from release 1.4.0 on.';
comment on column photo_keywords.confirmed_by_ai_service_3 is
  'Whether a third recognition service confirmed the keyword; from release 1.4.0 on.';

alter table photo_collections add column collection_type text;
comment on column photo_collections.collection_type is 'collection or topic; from release 1.4.0 on.';

alter table photo_conversions
  add column device_type text collate "C",
  add column search_orientation_filter text collate "C",
  add column search_ordering text collate "C",
  drop constraint photo_conversions_photo_id_converted_at_anonymous_user_id_k_key,
  add constraint photo_conversions_distinct unique nulls not distinct (
    photo_id, converted_at, anonymous_user_id, keyword, conversion_type, conversion_country,
    device_type, search_orientation_filter, search_ordering);
comment on column photo_conversions.device_type is 'Kind of device, such as desktop or mobile; from release 1.4.0 on.';
comment on column photo_conversions.search_orientation_filter is
  'Orientation that the search was limited to, such as all; from release 1.4.0 on.';
comment on column photo_conversions.search_ordering is
  'Order of the results that were shown, such as relevant; from release 1.4.0 on.';
