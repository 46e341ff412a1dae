create or replace function facet_place(facet text, value text) returns integer language sql immutable as $$
  select case
    when facet = 'iso' then array_position(array['up to 100', '101 to 200', '201 to 400', '401 to 800', '801 to 1600',
                                                 '1601 to 3200', '3201 to 6400', 'over 6400'], value)
    when facet in ('year', 'month') then replace(value, '-', '')::integer
  end
$$;
comment on function facet_place is
  'Part of search_facets: position of a value in a facet that has an order of its own; null for other facets.';
