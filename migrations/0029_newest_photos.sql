-- What browse_photos lists first: the newest photos. Without this, each page sorts all of them.
create index photos_newest
    on photos (coalesce(-1000000 * extract(epoch from photo_submitted_at)::double precision, 9e15), photo_id);
