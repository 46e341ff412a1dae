create or replace function expected_matches(of_model integer, labels jsonb, filters jsonb) returns double precision
language plpgsql volatile strict as $$
declare
  checked record := search_conditions(of_model, labels, filters);
  plan json;
begin
  -- EXPLAIN plans with the values as they are. Volatile, because a stable function may not run it. The model's id stands in
  -- the text so that the planner reads one partition.
  execute format('explain (format json) select from embeddings e %s where e.model_id = %s %s',
                 case when checked.needs_photos then 'join photos p on p.photo_id = e.photo_id' end, of_model, checked.conditions)
    into plan using null::vector, null::text, labels, filters;
  return (plan -> 0 -> 'Plan' ->> 'Plan Rows')::double precision;
end $$;
comment on function expected_matches is
  'Number of photos of a model for which the planner expects conditions to hold: an estimate that reads no photo.';
