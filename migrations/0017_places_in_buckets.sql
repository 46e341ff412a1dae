-- Photos of buckets have places, too.

comment on table photo_places is
  'Where the photos of folders and buckets lie. Their id derives from their content, so equal files are one photo with several places.';
comment on column photo_places.host is
  'Name of the machine that read the file (the setting PLACE_HOST); s3 for an object of a bucket, which lies on no machine.';
comment on column photo_places.path is 'Absolute path of the file on that machine; s3://bucket/key of an object.';
comment on column photo_places.digest is 'SHA-256 of the bytes; of an object, of its ETag, a line feed and its size.';
comment on column photo_places.inode is
  'Its inode; 0 for an object. A file with the same path, size, time and inode is not read again.';
