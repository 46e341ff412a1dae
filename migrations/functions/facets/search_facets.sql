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
  of_photos text := '';
  columns text := '';
  names text := '';
  groups text[] := '{}';
  grouped text := 'select null::text as facet, null::text collate "C" as value, 0::bigint as photos where false';
  tables text := '';
  counts text := '';
  rest text := '';
  place integer := 0;
begin
  if top is null or top < 1 then
    raise exception 'top must be a whole number from 1, found %', coalesce(top::text, 'null') using errcode = 'UC005';
  end if;
  for name in select distinct unnest(wanted) loop
    place := place + 1;
    if facet_expression(name) is not null then
      -- The folder depends on what all folders have in common, so it follows once these are known.
      if name = 'folder' then
        of_photos := of_photos || ', image_folder(p.photo_image_url) as folder';
        columns := columns || format(', (%s)::text collate "C" as f%s', facet_expression(name), place);
      else
        of_photos := of_photos || format(', (%s)::text collate "C" as f%s', facet_expression(name), place);
        columns := columns || format(', f%s', place);
      end if;
      names := names || format(' when grouping(f%s) then %L', place, name);
      groups := groups || format('f%s', place);
    elsif facet_table(name) is not null then
      tables := tables || format($sql$,
    m%s as materialized (
      select m.photo_id, m.value collate "C" as value from chosen c join (%s) as m on m.photo_id = c.photo_id
    )$sql$, place, facet_table(name));
      counts := counts || format(' union all select %L, value, count(*) from m%s group by value', name, place);
      -- A photo has many values: what is left are the photos without any of those shown.
      rest := rest || format($sql$
        union all
        select %1$L, null, left_over.photos, left_over.part, null, null
          from (select count(*) filter (where not had.is_shown) as other, count(*) as known
                  from (select m.photo_id, bool_or(s.value is not null) as is_shown
                          from m%2$s m left join shown s on s.facet = %1$L and s.value = m.value group by m.photo_id) as had) as had
         cross join lateral (values ('other', had.other), ('unknown', (select count(*) from chosen) - had.known)) as left_over (part, photos)
         where left_over.photos > 0$sql$, name, place);
    elsif name is null or not name = any (sets) then
      raise exception 'there is no facet %; known: %', coalesce(name, 'null'), array_to_string(sets || array['country', 'city',
        'camera_make', 'camera_model', 'photographer', 'featured', 'orientation', 'year', 'month', 'iso', 'folder', 'keyword',
        'color', 'collection'], ', ') using errcode = 'UC005';
    end if;
  end loop;

  if groups <> '{}' then
    -- One pass over the photos counts all of these facets. Each row of the result groups by one of them.
    grouped := format($sql$
      select case 0 %s end as facet, coalesce(%s) as value, count(*) as photos
        from (select photo_id %s from photo_facts b cross join common) as b
       group by grouping sets ((%s))$sql$,
      names, array_to_string(groups, ', '), columns, array_to_string(groups, '), ('));
  end if;
  return query execute format($sql$
    with chosen as materialized (%1$s),
    photo_facts as (select c.photo_id %2$s from chosen c left join photos p on p.photo_id = c.photo_id),
    common as (select %4$s as depth) %7$s,
    facts as (
      %5$s %8$s
    ), ranked as (
      select *, row_number() over (partition by facet order by photos desc, value collate "C") as place
        from facts where value is not null
    ), shown as (
      select facet, value, photos, facet_place(facet, value) as natural_place, place from ranked where place <= $5
    ), labelled as (
      -- By version alone: each further condition would make the planner expect fewer labels. Expecting one, as it does before
      -- the first analyze, it compares every photo with every label.
      select l.set_name, l.label, count(*) as photos from chosen c
        join label_rows l on l.photo_id = c.photo_id
         and l.version = any (array(select s.version from label_sets s where s.model_id = %3$s and s.name = any ($1)))
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
    counted_photos(of_model, query, labels, filters), of_photos, of_model,
    case when 'folder' = any (wanted) then '(select common_length(min(folder), max(folder)) from photo_facts)' else 'null::integer' end,
    grouped, rest, tables, counts)
    using wanted, query, labels, filters, top, n, kind, min_score;
end $$;
comment on function search_facets is
  'Histograms of a result set: of the n photos nearest to query, or, without query, of all embedded photos that fulfil labels and filters. facets: label sets of the model and country, city, camera_make, camera_model, photographer, featured, orientation, year, month, iso, folder, keyword, color, collection; null: all label sets and the usual ones. part: value (labels in the order of their set, else the top values by photos; year, month and iso in their own order), other (all values beyond top together), unknown. folder: of image files and objects, the folders directly below the folder that all of them have in common. Each facet adds up to the photos of the result, except keyword, color and collection: a photo counts with each of its values, as other when none of them is shown, as unknown when it has none.';
