-- requires: model_id_of, search_conditions
create or replace function browse_photos(
  k integer default 10, newest_first boolean default true,
  labels jsonb default '[]', filters jsonb default '[]', model text default null,
  after_place double precision default null, after_photo text default null
) returns table (rank bigint, photo_id text, place double precision) language plpgsql stable rows 50 as $$
declare
  of_model integer := model_id_of(model);
  checked record := search_conditions(of_model, labels, filters);
begin
  if k is null or k < 1 then
    raise exception 'k must be a whole number from 1, found %', coalesce(k::text, 'null') using errcode = 'UC005';
  end if;
  if (after_place is null) <> (after_photo is null) then
    raise exception 'after_place and after_photo are the place and the photo_id of one photo: give both or neither' using errcode = 'UC005';
  end if;
  -- Microseconds are exact in a double until the year 2255, which stands for photos without a date.
  return query execute format($sql$
    select row_number() over (order by found.place, found.photo_id), found.photo_id, found.place
      from (select placed.photo_id, placed.place
              from (select p.photo_id, coalesce(%s * extract(epoch from p.photo_submitted_at)::double precision, 9e15) as place
                      from embeddings e join photos p on p.photo_id = e.photo_id
                     where e.model_id = %s %s %s) as placed
             where $1 is null or (placed.place, placed.photo_id) > ($1, $2)
             order by placed.place, placed.photo_id limit $5) as found$sql$,
    case when newest_first then -1000000 else 1000000 end, of_model, checked.conditions,
    -- The index photos_newest gives a page at once. Through it, photos that few conditions select would be looked for among all.
    case when checked.conditions <> '' then 'offset 0' end)
    using after_place, after_photo, labels, filters, k;
end $$;
comment on function browse_photos is
  'Embedded photos by their date (photo_submitted_at), the newest or the oldest first; photos without a date come last, ties go by photo_id. place rises with rank; after_place and after_photo continue after a photo. labels and filters are those of search_photos.';
