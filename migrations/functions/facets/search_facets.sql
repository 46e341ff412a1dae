create or replace function search_facets(
  facets text[] default null, query vector default null, n integer default 1000,
  labels jsonb default '[]', filters jsonb default '[]', model text default null,
  top integer default 10, min_score double precision default null, kind text default null
) returns table (facet text, value text, photos bigint, part text) language plpgsql stable as $$
declare
  of_model integer := model_id_of(model);
  sets text[] := array(select s.name from label_sets s where s.model_id = of_model order by s.name collate "C");
  wanted text[] := coalesce(facets, sets || array['country', 'camera_make', 'featured', 'orientation', 'year', 'iso']);
  name text;
  metadata text := '';
  tables text := '';
  rest text := '';
begin
  if top is null or top < 1 then
    raise exception 'top must be a whole number from 1, found %', coalesce(top::text, 'null') using errcode = 'UC005';
  end if;
  for name in select distinct unnest(wanted) loop
    if facet_expression(name) is not null then
      metadata := metadata || format(', (%L, %s)', name, facet_expression(name));
    elsif facet_table(name) is not null then
      tables := tables || format(
        ' union all select %L, m.value, count(*) from chosen c join (%s) as m on m.photo_id = c.photo_id group by m.value',
        name, facet_table(name));
      -- A photo has many values: what is left are the photos without any of those shown.
      rest := rest || format($sql$
        union all
        select %1$L, null, count(*), parts.part, null, null
          from (select case when exists (select from (%2$s) as m where m.photo_id = c.photo_id) then 'other' else 'unknown' end as part
                  from chosen c
                 where not exists (select from (%2$s) as m join shown s on s.facet = %1$L and s.value = m.value
                                    where m.photo_id = c.photo_id)) as parts
         group by parts.part$sql$, name, facet_table(name));
    elsif name is null or not name = any (sets) then
      raise exception 'there is no facet %; known: %', coalesce(name, 'null'), array_to_string(sets || array['country', 'city',
        'camera_make', 'camera_model', 'photographer', 'featured', 'orientation', 'year', 'month', 'iso', 'folder', 'keyword',
        'color', 'collection'], ', ') using errcode = 'UC005';
    end if;
  end loop;

  return query execute format($sql$
    with chosen as materialized (%1$s),
    common as (select %4$s as depth),
    facts as (
      select fact.facet, fact.value, count(*) as photos
        from chosen c left join photos p on p.photo_id = c.photo_id cross join common
       cross join lateral (values (null, null) %2$s) as fact (facet, value)
       where fact.facet is not null group by fact.facet, fact.value %5$s
    ), ranked as (
      select *, row_number() over (partition by facet order by photos desc, value collate "C") as place
        from facts where value is not null
    ), shown as (
      select facet, value, photos, facet_place(facet, value) as natural_place, place from ranked where place <= $5
    ), labelled as (
      select l.set_name, l.label, count(*) as photos from chosen c
        join photo_labels l on l.model_id = %3$s and l.set_name = any ($1) and l.photo_id = c.photo_id
       group by l.set_name, l.label
    ), everything as (
      select facet, value, photos, 'value' as part, natural_place, place from shown
      union all
      select facet, null, sum(photos), 'other', null, null from ranked
       where place > $5 and facet_table(facet) is null group by facet
      union all
      select facet, null, photos, 'unknown', null, null from facts where value is null %6$s
      union all
      select s.name, names.label, coalesce(l.photos, 0), 'value', names.position, null
        from label_sets s cross join unnest(s.labels) with ordinality as names (label, position)
        left join labelled l on l.set_name = s.name and l.label = names.label
       where s.model_id = %3$s and s.name = any ($1) and facet_expression(s.name) is null and facet_table(s.name) is null
      union all
      select s.name, null, total.photos - coalesce(had.photos, 0), 'unknown', null, null
        from label_sets s cross join (select count(*) as photos from chosen) as total
        left join (select set_name, sum(photos) as photos from labelled group by set_name) as had on had.set_name = s.name
       where s.model_id = %3$s and s.name = any ($1) and facet_expression(s.name) is null and facet_table(s.name) is null
         and total.photos > coalesce(had.photos, 0)
    )
    select facet, value, photos::bigint, part from everything
     order by array_position($1, facet), array_position(array['value', 'other', 'unknown'], part), natural_place, place$sql$,
    counted_photos(of_model, query, labels, filters), metadata, of_model,
    case when 'folder' = any (wanted) then $sql$(
      select common_length(min(image_folder(p.photo_image_url)), max(image_folder(p.photo_image_url)))
        from chosen c join photos p on p.photo_id = c.photo_id)$sql$ else 'null::integer' end,
    tables, rest)
    using wanted, query, labels, filters, top, n, kind, min_score;
end $$;
comment on function search_facets is
  'Histograms of a result set: of the n photos nearest to query, or, without query, of all embedded photos that fulfil labels and filters. facets: label sets of the model and country, city, camera_make, camera_model, photographer, featured, orientation, year, month, iso, folder, keyword, color, collection; null: all label sets and the usual ones. part: value (labels in the order of their set, else the top values by photos; year, month and iso in their own order), other (all values beyond top together), unknown. folder: of image files and objects, the folders directly below the folder that all of them have in common. Each facet adds up to the photos of the result, except keyword, color and collection: a photo counts with each of its values, as other when none of them is shown, as unknown when it has none.';
