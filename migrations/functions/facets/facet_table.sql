create or replace function facet_table(facet text) returns text language sql immutable as $$
  select case facet
    when 'keyword' then 'select photo_id, keyword as value from photo_keywords'
    when 'color' then 'select distinct photo_id, keyword as value from photo_colors where keyword is not null'
    when 'collection' then 'select distinct photo_id, coalesce(collection_title, collection_id) as value from photo_collections'
  end
$$;
comment on function facet_table is
  'Part of search_facets: photos and values of a facet of which a photo has many values, as SQL; null for other names.';
