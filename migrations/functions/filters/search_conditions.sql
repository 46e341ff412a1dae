create or replace function search_conditions(of_model integer, labels jsonb, filters jsonb, out conditions text, out needs_photos boolean)
language plpgsql stable as $$
begin
  -- The text made here holds names and operators from fixed lists, and numbers. A value is never part of it: the statement
  -- that it becomes part of takes labels as $3 and filters as $4 and reads the values from there.
  if jsonb_typeof(coalesce(labels, '[]')) <> 'array' or jsonb_typeof(coalesce(filters, '[]')) <> 'array' then
    raise exception 'labels and filters must be JSON arrays' using errcode = 'UC001';
  end if;
  select coalesce(string_agg(made.condition, '' order by position), ''), coalesce(bool_or(made.needs_photos), false)
    into conditions, needs_photos
    from jsonb_array_elements(filters) with ordinality as entries (entry, position)
   cross join filter_condition(entry, position::integer - 1, of_model) as made;
  conditions := conditions || label_conditions(of_model, labels);
end $$;
comment on function search_conditions is
  'Checks label and metadata filters and turns them into SQL without their values: text of the form " and … and …" over the aliases e (embeddings) and p (photos, to be joined where needs_photos), which reads labels from $3 and filters from $4.';
