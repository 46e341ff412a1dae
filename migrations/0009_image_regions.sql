-- Where the photos of a model lie, so that a query vector of undeclared kind is recognised as one of a photo.

create table image_regions (
  model_id integer primary key references models on delete cascade,
  centre vector not null,
  lowest double precision not null,
  highest double precision not null,
  photos bigint not null,
  measured_at timestamptz not null default now()
);
comment on table image_regions is
  'The mean direction of a model''s photos, and how similar photos are to it; query_kind compares queries with it. A trigger on search_settings measures it.';
comment on column image_regions.model_id is 'The model.';
comment on column image_regions.centre is 'Mean direction of a sample of photos, of unit length.';
comment on column image_regions.lowest is 'Cosine similarity to centre of which 5 % of the sample have less.';
comment on column image_regions.highest is 'Cosine similarity to centre of which 5 % of the sample have more.';
comment on column image_regions.photos is 'Number of photos in the sample.';
comment on column image_regions.measured_at is 'When it was measured.';
