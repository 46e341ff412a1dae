-- requires: prompt_embedding, vector_of_json
create or replace function shown_words(of_model integer, shown jsonb) returns halfvec language sql stable as $$
  select l2_normalize(
    case jsonb_typeof(shown) when 'string' then prompt_embedding(shown #>> '{}', of_model::text)
         else vector_of_json(shown, (select m.dimension from models m where m.id = of_model)) end)::halfvec
$$;
comment on function shown_words is
  'Part of shows_condition: the embedding of words, of a stored prompt or as numbers, in the precision of the photos.';
