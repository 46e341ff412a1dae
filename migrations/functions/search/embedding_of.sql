create or replace function embedding_of(of_model integer, of_photo text) returns vector language plpgsql stable as $$
declare
  result vector;
begin
  select e.embedding::vector into result from embeddings e where e.model_id = of_model and e.photo_id = of_photo;
  if result is null then
    raise exception 'Photo % is not embedded with this model', of_photo using errcode = 'UC002';
  end if;
  return result;
end $$;
comment on function embedding_of is 'The embedding of a photo, in single precision; an error when there is none.';
