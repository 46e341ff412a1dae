create or replace function near_condition(entry jsonb, n integer) returns text language plpgsql stable as $$
declare
  place jsonb := entry -> 'near';
begin
  if jsonb_typeof(place) <> 'object' or not place ?& array['latitude', 'longitude', 'km']
     or (select count(*) <> 3 or bool_or(jsonb_typeof(value) <> 'number') from jsonb_each(place)) then
    raise exception 'near expects {"latitude": …, "longitude": …, "km": …} with numbers, found %', place using errcode = 'UC001';
  end if;
  if not (place ->> 'latitude')::numeric between -90 and 90 then
    raise exception 'latitude expects degrees from -90 to 90, found %', place -> 'latitude' using errcode = 'UC001';
  end if;
  if not (place ->> 'longitude')::numeric between -180 and 180 then
    raise exception 'longitude expects degrees from -180 to 180, found %', place -> 'longitude' using errcode = 'UC001';
  end if;
  -- Half the way round the Earth is 20,015 km.
  if not (place ->> 'km')::numeric between 0.001 and 20100 then
    raise exception 'km expects a distance from 0.001 to 20100, found %', place -> 'km' using errcode = 'UC001';
  end if;
  return format(
    ' and p.photo_location_latitude between %1$s - (box_around(%1$s, %3$s)).latitude_degrees and %1$s + (box_around(%1$s, %3$s)).latitude_degrees'
    ' and least(abs(p.photo_location_longitude - %2$s), 360 - abs(p.photo_location_longitude - %2$s)) <= (box_around(%1$s, %3$s)).longitude_degrees'
    ' and distance_km(p.photo_location_latitude, p.photo_location_longitude, %1$s, %2$s) <= %3$s',
    format('($4 -> %s -> ''near'' ->> ''latitude'')::double precision', n),
    format('($4 -> %s -> ''near'' ->> ''longitude'')::double precision', n),
    format('($4 -> %s -> ''near'' ->> ''km'')::double precision', n));
end $$;
comment on function near_condition is
  'Part of search_conditions: distance from a place. A box first, which an index can answer, then the circle inside it.';
