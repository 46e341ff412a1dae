-- Results of analyses: clusters, which are label sets whose labels are computed once, and projections onto a plane.

alter table label_sets add column clustering jsonb;
comment on column label_sets.clustering is
  'Of clusters: method, numbers and quality. Their labels are written once, and the set has no prompts. Null: the labels follow from prompts or training.';

create table projections (
  id integer generated always as identity primary key,
  model_id integer not null references models on delete cascade,
  name text not null,
  method text not null,
  parameters jsonb not null,
  created_at timestamptz not null default now(),
  unique (model_id, name)
);
comment on table projections is 'Projections of the vectors of a model onto a plane, which maps of photos are drawn from.';
comment on column projections.id is 'Number of the projection.';
comment on column projections.model_id is 'The model whose vectors were projected.';
comment on column projections.name is 'Name, such as umap.';
comment on column projections.method is 'pca or umap.';
comment on column projections.parameters is 'What the points depend on, and measures of quality.';
comment on column projections.created_at is 'When the points were computed.';

create table projection_points (
  projection_id integer not null references projections on delete cascade,
  photo_id text collate "C" not null references photos on delete cascade,
  x real not null,
  y real not null,
  primary key (projection_id, photo_id)
);
comment on table projection_points is 'The place of each photo in a projection.';
comment on column projection_points.projection_id is 'The projection.';
comment on column projection_points.photo_id is 'The photo.';
comment on column projection_points.x is 'Place along the first axis.';
comment on column projection_points.y is 'Place along the second axis.';
create index projection_points_by_photo on projection_points (photo_id);
