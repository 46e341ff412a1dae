create or replace function combine(parts jsonb, model text default null) returns vector language plpgsql stable as $$
declare
  of_model integer := model_id_of(model);
  model_dimension integer;
  part jsonb;
  weight double precision;
  total_weight double precision := 0;
  direction vector;
  total vector;
begin
  select dimension into model_dimension from models where id = of_model;
  if jsonb_typeof(parts) is distinct from 'array' or jsonb_array_length(parts) = 0 then
    raise exception 'parts must be a JSON array of at least one part, found %', coalesce(left(parts::text, 80), 'null')
      using errcode = 'UC005';
  end if;
  for part in select jsonb_array_elements(parts) loop
    if jsonb_typeof(part) <> 'object' or (select count(*) from jsonb_object_keys(part) as key where key <> 'weight') <> 1
       or (jsonb_typeof(part -> 'prompt') is distinct from 'string' and jsonb_typeof(part -> 'photo') is distinct from 'string'
           and jsonb_typeof(part -> 'vector') is distinct from 'array') then
      raise exception 'a part is {"prompt": "words", "weight": 1}, with "photo": "id" or "vector": [numbers] in place of the prompt; found %',
        left(part::text, 80) using errcode = 'UC005';
    end if;
    -- Single precision overflows far beyond.
    if jsonb_typeof(coalesce(part -> 'weight', '1')) <> 'number'
       or not (coalesce(part ->> 'weight', '1'))::numeric between -1000 and 1000 then
      raise exception 'weight expects a number between -1000 and 1000, found %', left((part -> 'weight')::text, 80)
        using errcode = 'UC005';
    end if;
    weight := coalesce((part ->> 'weight')::double precision, 1);
    direction := case when part ? 'prompt' then prompt_embedding(part ->> 'prompt', of_model::text)
                      when part ? 'photo' then embedding_of(of_model, part ->> 'photo')
                      else vector_of_json(part -> 'vector', model_dimension) end;
    direction := l2_normalize(direction) * array_fill(weight::real, array[model_dimension])::vector;
    total := coalesce(total + direction, direction);
    total_weight := total_weight + abs(weight);
  end loop;
  -- What is left of parts that cancel out is rounding, and points anywhere.
  if vector_norm(total) <= 1e-5 * total_weight then
    raise exception 'the parts cancel each other out: nothing is left to search for in %', left(parts::text, 200)
      using errcode = 'UC005';
  end if;
  return l2_normalize(total);
end $$;
comment on function combine is
  'A query vector of unit length from prompts, photos and vectors: [{"prompt": "at night", "weight": 1}, {"photo": "id"}, {"prompt": "people", "weight": -0.5}]. Each part is scaled to unit length before it is weighted; the default weight is 1, and a negative weight turns away from the part.';
