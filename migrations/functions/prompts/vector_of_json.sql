create or replace function vector_of_json(numbers jsonb, wanted_dimension integer) returns vector language plpgsql immutable as $$
declare
  result vector;
begin
  result := array(select jsonb_array_elements_text(numbers)::real)::vector;
  if vector_dims(result) <> wanted_dimension then
    raise exception 'a vector of % numbers expected, as the model''s embeddings are, found %', wanted_dimension, vector_dims(result)
      using errcode = 'UC005';
  end if;
  if vector_norm(result) = 0 then
    raise exception 'a vector with a direction expected, found only zeros' using errcode = 'UC005';
  end if;
  return result;
exception when data_exception then
  raise exception 'a vector of % numbers in single precision expected, found %', wanted_dimension, left(numbers::text, 80)
    using errcode = 'UC005';
end $$;
comment on function vector_of_json is 'Part of combine: a JSON array of numbers as a vector.';
