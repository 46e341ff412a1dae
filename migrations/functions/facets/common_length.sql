create or replace function common_length(a text[], b text[]) returns integer language sql immutable strict parallel safe as $$
  select count(*)::integer from generate_series(1, least(cardinality(a), cardinality(b))) as length where a[1:length] = b[1:length]
$$;
comment on function common_length is
  'Part of search_facets: number of elements with which both lists begin.';
