-- requires: model_id_of
create or replace function projection(name text, model text default null) returns table (photo_id text, x real, y real)
language sql stable as $$
  select p.photo_id, p.x, p.y
    from projections r join projection_points p on p.projection_id = r.id
   where r.model_id = model_id_of(projection.model) and r.name = projection.name
   order by p.photo_id
$$;
comment on function projection is 'The photos of a projection onto a plane and their places, by id; none for an unknown name.';
