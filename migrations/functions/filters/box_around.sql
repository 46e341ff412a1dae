create or replace function box_around(
  latitude double precision, km double precision, out latitude_degrees double precision, out longitude_degrees double precision
) language sql immutable strict parallel safe as $$
  select reach, case when abs(latitude) + reach >= 90 then 180
                     else degrees(asin(least(1, sin(radians(reach)) / cos(radians(latitude))))) end
    from degrees(km / 6371.0088) as reach
$$;
comment on function box_around is
  'Part of near_condition: extent of a circle to the north and south, and to the east and west, in degrees; 180 degrees east and west where the circle contains a pole.';
