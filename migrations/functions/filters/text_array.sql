create or replace function text_array(list jsonb) returns text[] language sql immutable strict parallel safe as $$
  select array(select jsonb_array_elements_text(list))
$$;
comment on function text_array is
  'Part of search_conditions: a JSON array as texts. Immutable, so that the planner sees its length.';
