create or replace function search_places(
  cell double precision default 5, query vector default null, n integer default 1000,
  labels jsonb default '[]', filters jsonb default '[]', model text default null,
  top integer default 500, min_score double precision default null, kind text default null, box double precision[] default null
) returns table (
  latitude double precision, longitude double precision, south double precision, west double precision,
  north double precision, east double precision, photos bigint, placed bigint
) language plpgsql stable as $$
declare
  of_model integer := model_id_of(model);
begin
  if (cell > 0 and cell <= 180) is not true then
    raise exception 'cell must be a number of degrees above 0, up to 180, found %', coalesce(cell::text, 'null') using errcode = 'UC005';
  end if;
  if top is null or top < 1 then
    raise exception 'top must be a whole number from 1, found %', coalesce(top::text, 'null') using errcode = 'UC005';
  end if;
  if box is not null and (cardinality(box) = 4 and box[1] <= box[3] and box[2] <= box[4]) is not true then
    raise exception 'box must be south, west, north and east in degrees, found %', box using errcode = 'UC005';
  end if;
  return query execute format($sql$
    with chosen as materialized (%s)
    select avg(p.photo_location_latitude), avg(p.photo_location_longitude),
           min(p.photo_location_latitude), min(p.photo_location_longitude),
           max(p.photo_location_latitude), max(p.photo_location_longitude),
           count(*), (sum(count(*)) over ())::bigint
      from chosen c join photos p on p.photo_id = c.photo_id
     where p.photo_location_latitude between coalesce($9[1], -90) and coalesce($9[3], 90)
       and p.photo_location_longitude between coalesce($9[2], -180) and coalesce($9[4], 180)
     group by floor(p.photo_location_latitude / $1), floor(p.photo_location_longitude / $1)
     order by count(*) desc, floor(p.photo_location_latitude / $1), floor(p.photo_location_longitude / $1)
     limit $5$sql$, counted_photos(of_model, query, labels, filters))
    using cell, query, labels, filters, top, n, kind, min_score, box;
end $$;
comment on function search_places is
  'Photos by place, counted in cells of `cell` degrees of latitude and longitude: of the photos that search_facets counts, inside box (south, west, north, east; null: the whole Earth). Each row is a cell: mean place, bounds and number of its photos, and the number of photos of all cells (placed). The fullest cells come first, at most top.';
