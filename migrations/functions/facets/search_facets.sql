create or replace function search_facets(
  facets text[] default null, query vector default null, n integer default 1000,
  labels jsonb default '[]', filters jsonb default '[]', model text default null,
  top integer default 10, min_score double precision default null, kind text default null
) returns table (facet text, value text, photos bigint, part text) language plpgsql stable as $$
declare
  of_model integer := model_id_of(model);
  sets text[] := array(select s.name from label_sets s where s.model_id = of_model order by s.name collate "C");
  wanted text[] := coalesce(facets, sets || array['country', 'camera_make', 'featured', 'orientation', 'year', 'iso']);
  checked record := search_conditions(of_model, labels, filters);
  name text;
  metadata text := '';
begin
  if top is null or top < 1 then
    raise exception 'top must be a whole number from 1, found %', coalesce(top::text, 'null') using errcode = 'UC005';
  end if;
  for name in select distinct unnest(wanted) loop
    if facet_expression(name) is not null then
      metadata := metadata || format(', (%L, %s)', name, facet_expression(name));
    elsif name is null or not (name = 'keyword' or name = any (sets)) then
      raise exception 'there is no facet %; known: %', coalesce(name, 'null'), array_to_string(sets || array['country', 'city',
        'camera_make', 'camera_model', 'photographer', 'featured', 'orientation', 'year', 'month', 'iso', 'keyword'], ', ')
        using errcode = 'UC005';
    end if;
  end loop;

  return query execute format($sql$
    with chosen as materialized (%1$s),
    facts as (
      select fact.facet, fact.value, count(*) as photos
        from chosen c left join photos p on p.photo_id = c.photo_id
       cross join lateral (values (null, null) %2$s) as fact (facet, value)
       where fact.facet is not null group by fact.facet, fact.value
      union all
      select 'keyword', k.keyword, count(*) from chosen c join photo_keywords k on k.photo_id = c.photo_id
       where 'keyword' = any ($1) group by k.keyword
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
       where place > $5 and facet <> 'keyword' group by facet
      union all
      select facet, null, photos, 'unknown', null, null from facts where value is null
      union all
      -- A photo has many keywords: what is left are the photos without any of those shown.
      select 'keyword', null, count(*), rest.part, null, null
        from (select case when exists (select from photo_keywords k where k.photo_id = c.photo_id) then 'other' else 'unknown' end as part
                from chosen c
               where 'keyword' = any ($1) and not exists (
                       select from photo_keywords k join shown s on s.facet = 'keyword' and s.value = k.keyword
                        where k.photo_id = c.photo_id)) as rest
       group by rest.part
      union all
      select s.name, names.label, coalesce(l.photos, 0), 'value', names.position, null
        from label_sets s cross join unnest(s.labels) with ordinality as names (label, position)
        left join labelled l on l.set_name = s.name and l.label = names.label
       where s.model_id = %3$s and s.name = any ($1) and facet_expression(s.name) is null and s.name <> 'keyword'
      union all
      select s.name, null, total.photos - coalesce(had.photos, 0), 'unknown', null, null
        from label_sets s cross join (select count(*) as photos from chosen) as total
        left join (select set_name, sum(photos) as photos from labelled group by set_name) as had on had.set_name = s.name
       where s.model_id = %3$s and s.name = any ($1) and facet_expression(s.name) is null and s.name <> 'keyword'
         and total.photos > coalesce(had.photos, 0)
    )
    select facet, value, photos::bigint, part from everything
     order by array_position($1, facet), array_position(array['value', 'other', 'unknown'], part), natural_place, place$sql$,
    case when query is null then format('select e.photo_id from embeddings e %s where e.model_id = %s %s',
           case when checked.needs_photos then 'join photos p on p.photo_id = e.photo_id' end, of_model, checked.conditions)
         else format('select photo_id from search_embeddings(%s, $2, $6, 0, $3, $4, kind => $7, min_score => $8)', of_model) end,
    metadata, of_model)
    using wanted, query, labels, filters, top, n, kind, min_score;
end $$;
comment on function search_facets is
  'Histograms of a result set: of the n photos nearest to query, or, without query, of all embedded photos that fulfil labels and filters. facets: label sets of the model and country, city, camera_make, camera_model, photographer, featured, orientation, year, month, iso, keyword; null: all label sets and the usual ones. part: value (labels in the order of their set, else the top values by photos; year, month and iso in their own order), other (all values beyond top together), unknown. Each facet adds up to the photos of the result, except keyword: a photo counts with each of its keywords, as other when none of them is shown, as unknown when it has none.';
