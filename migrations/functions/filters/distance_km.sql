-- The mean radius of the Earth, 6371.0088 km (IUGG), stands in both of these.
create or replace function distance_km(
  latitude_a double precision, longitude_a double precision, latitude_b double precision, longitude_b double precision
) returns double precision language sql immutable strict parallel safe as $$
  select 2 * 6371.0088 * asin(least(1, sqrt(
    sin(radians(latitude_b - latitude_a) / 2) ^ 2
    + cos(radians(latitude_a)) * cos(radians(latitude_b)) * sin(radians(longitude_b - longitude_a) / 2) ^ 2)))
$$;
comment on function distance_km is
  'Great-circle distance between two places given in degrees, in kilometres, on a sphere (haversine); the error is at most 0.6 %.';
