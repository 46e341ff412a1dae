-- Models, photos, their embeddings, and the photos that failed.
-- Photo ids sort by their bytes on every server, because ties in a search are broken by id.

create table models (
  id integer generated always as identity primary key,
  name text not null check (name ~ '[^0-9]' and name !~ '@'),
  precision text not null check (precision <> ''),
  revision text not null,
  dimension integer not null check (dimension between 1 and 16000),
  logit_scale double precision not null check (logit_scale > 0),
  created_at timestamptz not null default now(),
  scoring text not null default 'softmax' check (scoring in ('softmax', 'sigmoid')),
  logit_bias double precision not null default 0 check (logit_bias between -1e6 and 1e6),
  unique (name, precision, revision),
  -- Far above any model's value. From 1e308 on, a logit would overflow.
  check (logit_scale <= 1e6)
);
comment on table models is
  'The models that made the embeddings: name, precision of the weights, pinned revision. People write name@precision.';
comment on column models.id is 'Names the partition of embeddings: embeddings_m<ID>.';
comment on column models.name is 'Name of the model, such as clip-vit-b-32.';
comment on column models.precision is 'Precision of the weights: fp32, fp16, int8.';
comment on column models.revision is 'Pinned revision of the model files.';
comment on column models.dimension is 'Numbers per embedding.';
comment on column models.logit_scale is 'Factor from cosine similarity to logit when labels are scored.';
comment on column models.created_at is 'When the model was first registered.';
comment on column models.scoring is
  'How label scores follow from logits (logit_scale x cosine similarity + logit_bias): softmax over all labels of the set, or the sigmoid of each.';
comment on column models.logit_bias is 'Added to each logit; 0 for softmax models.';

create table photos (
  photo_id text collate "C" primary key,
  photo_url text,
  photo_image_url text not null,
  photo_submitted_at timestamp,
  photo_featured boolean,
  photo_width integer,
  photo_height integer,
  photo_aspect_ratio double precision,
  photo_description text,
  photographer_username text,
  photographer_first_name text,
  photographer_last_name text,
  exif_camera_make text,
  exif_camera_model text,
  exif_iso integer,
  exif_aperture_value text,
  exif_focal_length text,
  exif_exposure_time text,
  photo_location_name text,
  photo_location_latitude double precision,
  photo_location_longitude double precision,
  photo_location_country text,
  photo_location_city text,
  stats_views bigint,
  stats_downloads bigint,
  ai_description text,
  ai_primary_landmark_name text,
  ai_primary_landmark_latitude double precision,
  ai_primary_landmark_longitude double precision,
  ai_primary_landmark_confidence double precision,
  blur_hash text,
  created_at timestamptz not null default now()
);
comment on table photos is 'Metadata of every photo: the 31 columns of the Unsplash dataset. Null means unknown.';
comment on column photos.photo_id is 'Id in the dataset, or derived from the URL for photos from other sources.';
comment on column photos.photo_url is 'Page of the photo.';
comment on column photos.photo_image_url is 'Address from which the image is downloaded.';
comment on column photos.photo_submitted_at is 'When the photo was uploaded. The dataset names no time zone.';
comment on column photos.photo_featured is 'Whether editors promoted the photo.';
comment on column photos.photo_width is 'Width of the original, in pixels.';
comment on column photos.photo_height is 'Height of the original, in pixels.';
comment on column photos.photo_aspect_ratio is 'Width divided by height.';
comment on column photos.photo_description is 'Description by the photographer.';
comment on column photos.photographer_username is 'User name of the photographer.';
comment on column photos.photographer_first_name is 'First name of the photographer.';
comment on column photos.photographer_last_name is 'Last name of the photographer.';
comment on column photos.exif_camera_make is 'Manufacturer of the camera, from EXIF.';
comment on column photos.exif_camera_model is 'Model of the camera, from EXIF.';
comment on column photos.exif_iso is 'ISO sensitivity, from EXIF.';
comment on column photos.exif_aperture_value is 'F-number, from EXIF.';
comment on column photos.exif_focal_length is 'Focal length in millimetres, from EXIF.';
comment on column photos.exif_exposure_time is 'Exposure time in seconds, from EXIF.';
comment on column photos.photo_location_name is 'Full name of the place.';
comment on column photos.photo_location_latitude is 'Latitude of the place, in degrees.';
comment on column photos.photo_location_longitude is 'Longitude of the place, in degrees.';
comment on column photos.photo_location_country is 'Country of the place.';
comment on column photos.photo_location_city is 'City of the place.';
comment on column photos.stats_views is 'Views on Unsplash when the dataset was made.';
comment on column photos.stats_downloads is 'Downloads on Unsplash when the dataset was made.';
comment on column photos.ai_description is 'Description by a recognition service.';
comment on column photos.ai_primary_landmark_name is 'Landmark that a recognition service found.';
comment on column photos.ai_primary_landmark_latitude is 'Latitude of the landmark, in degrees.';
comment on column photos.ai_primary_landmark_longitude is 'Longitude of the landmark, in degrees.';
comment on column photos.ai_primary_landmark_confidence is 'Confidence in the landmark, in percent.';
comment on column photos.blur_hash is 'BlurHash: a compact blurred preview.';
comment on column photos.created_at is 'When the row was first written.';
-- For filters: the photos near a place, of a photographer, of a country. Most photos have no place.
create index photos_by_place on photos (photo_location_latitude, photo_location_longitude)
 where photo_location_latitude is not null;
create index photos_by_photographer on photos (photographer_username) where photographer_username is not null;
create index photos_by_country on photos (photo_location_country) where photo_location_country is not null;

create table embeddings (
  model_id integer not null references models,
  photo_id text collate "C" not null references photos,
  embedding halfvec not null,
  stored_key text,
  created_at timestamptz not null default now(),
  primary key (model_id, photo_id)
) partition by list (model_id);
comment on table embeddings is
  'One vector per photo and model, in half precision. register_model creates a partition embeddings_m<ID> per model.';
comment on column embeddings.model_id is 'The model that made the vector.';
comment on column embeddings.photo_id is 'The photo.';
comment on column embeddings.embedding is 'The vector, in half precision. Compare it with <=> (cosine distance).';
comment on column embeddings.stored_key is 'Key of the compressed copy in the object store; null when no copy is kept.';
comment on column embeddings.created_at is 'When the photo was first embedded.';

create table failures (
  model_id integer not null references models,
  photo_id text collate "C" not null references photos,
  code text not null,
  message text not null,
  attempts integer not null,
  failed_at timestamptz not null default now(),
  primary key (model_id, photo_id)
);
comment on table failures is
  'Photos that failed permanently, with a stable error code. A photo that is embedded has no row here.';
comment on column failures.model_id is 'The model the photo was to be embedded with.';
comment on column failures.photo_id is 'The photo.';
comment on column failures.code is 'Stable error code, such as HTTP_404.';
comment on column failures.message is 'The error, for people.';
comment on column failures.attempts is 'How often the photo was tried.';
comment on column failures.failed_at is 'When the last attempt failed.';
create index failures_by_code on failures (model_id, code);
