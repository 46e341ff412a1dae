create or replace function unit_vector() returns trigger language plpgsql as $$
declare
  length double precision := vector_norm(new.embedding::vector);
  model_dimension integer := (select m.dimension from models m where m.id = new.model_id);
begin
  if vector_dims(new.embedding) <> model_dimension then
    raise exception 'a vector of % numbers expected, as model % makes them, found %', model_dimension, new.model_id,
      vector_dims(new.embedding) using errcode = 'UC005';
  end if;
  if length = 0 then
    raise exception 'a vector with a direction expected, found only zeros' using errcode = 'UC005';
  end if;
  if not length between 0.999 and 1.001 then
    new.embedding := l2_normalize(new.embedding);
  end if;
  return new;
end $$;
comment on function unit_vector is
  'Trigger: scales an embedding to unit length; only its direction counts. One that has it within a thousandth stays as it is. Refuses zeros and a wrong number of numbers.';

-- The condition costs less than a call, and embeddings come by the million. Their number of numbers is a check of the partition.
create or replace trigger unit_vector before insert or update of embedding on embeddings
  for each row when (not l2_norm(new.embedding) between 0.999 and 1.001) execute function unit_vector();
create or replace trigger unit_vector before insert or update of embedding on prompt_embeddings
  for each row execute function unit_vector();
create or replace trigger unit_vector before insert or update of embedding on label_prompts
  for each row execute function unit_vector();
