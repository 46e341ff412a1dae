-- requires: common_length, facet_expression, facet_place, image_folder
create or replace function projection_colors(of_projection integer, of_model integer, facet text, most integer)
returns table (value text, photos bigint, places integer[]) language plpgsql stable as $$
declare
  is_set constant boolean := facet_expression(facet) is null
    and exists (select from label_sets s where s.model_id = of_model and s.name = facet);
begin
  if facet_expression(facet) is null and not is_set then
    raise exception 'points are coloured by a label set or by metadata that a photo has one of, found %; label sets: %', coalesce(facet, 'null'),
      coalesce((select string_agg(s.name, ', ' order by s.name) from label_sets s where s.model_id = of_model), 'none') using errcode = 'UC005';
  end if;
  return query execute format($sql$
    with numbered as materialized (
      select r.photo_id, (row_number() over (order by r.photo_id))::integer - 1 as place
        from projection_points r where r.projection_id = $1
    ), common as (
      select %s as depth
    ), valued as (
      select n.place, %s as value
        from numbered n %s cross join common
    ), counted as (
      select v.value, count(*) as photos, array_agg(v.place) as places from valued v where v.value is not null group by v.value
       order by count(*) desc, v.value collate "C" limit $4
    )
    select c.value, c.photos, c.places from counted c
     order by %s, c.photos desc, c.value collate "C"$sql$,
    case when facet = 'folder' then '(
      select common_length(min(image_folder(p.photo_image_url)), max(image_folder(p.photo_image_url)))
        from numbered n join photos p on p.photo_id = n.photo_id)' else 'null::integer' end,
    case when is_set then 'l.label' else facet_expression(facet) end,
    case when is_set then 'left join label_rows l on l.version = (select s.version from label_sets s where s.model_id = $2 and s.name = $3)
                             and l.photo_id = n.photo_id'
         else 'join photos p on p.photo_id = n.photo_id'
           || case when facet = 'folder' then ' cross join lateral (select image_folder(p.photo_image_url) as folder) as b' else '' end end,
    case when is_set then 'array_position((select s.labels from label_sets s where s.model_id = $2 and s.name = $3), c.value)'
         else 'facet_place($3, c.value)' end)
    using of_projection, of_model, facet, most;
end $$;
comment on function projection_colors is
  'What to colour the points of a projection by: the most frequent values of a label set or of metadata as in search_facets, in the order of facets, with the positions of their photos among all of the projection by id, from 0.';
