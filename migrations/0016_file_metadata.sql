-- What the files of own photos say about them, beyond the columns of the Unsplash dataset.

alter table photos
  add column photo_title text,
  add column photo_rating integer,
  add column exif_lens text,
  add column exif_time_offset text,
  add column exif_orientation integer;
comment on column photos.photo_title is 'Title, from the XMP or IPTC metadata of the file.';
comment on column photos.photo_rating is 'Stars from 0 to 5, or -1 for rejected, from XMP or EXIF.';
comment on column photos.exif_lens is 'Model of the lens, from EXIF.';
comment on column photos.exif_time_offset is
  'Offset of photo_submitted_at from UTC, such as +02:00, where the camera recorded it.';
comment on column photos.exif_orientation is
  'How the file stores the image, 1 to 8; 1 is upright. Width and height are those of the upright image.';
comment on column photos.photo_submitted_at is
  'When the photo was uploaded; of own photos, the local time at which it was taken. The dataset names no time zone.';
comment on column photos.photographer_username is
  'User name of the photographer; of own photos, the author that the file names.';
comment on table photos is
  'Metadata of every photo: the 31 columns of the Unsplash dataset, and what files say beyond them. Null means unknown.';
comment on column photo_keywords.user_suggestion_source is
  'Where the person who gave the keyword stands to the photo, such as photographer, from release 1.4.0 on; file for keywords of the file of an own photo.';
