create or replace function counted_photos(of_model integer, query vector, labels jsonb, filters jsonb) returns text
language plpgsql stable as $$
declare
  checked record := search_conditions(of_model, labels, filters);
begin
  if query is not null then
    return format('select photo_id from search_embeddings(%s, $2, $6, 0, $3, $4, kind => $7, min_score => $8)', of_model);
  end if;
  return format('select e.photo_id from embeddings e %s where e.model_id = %s %s',
                case when checked.needs_photos then 'join photos p on p.photo_id = e.photo_id' end, of_model, checked.conditions);
end $$;
comment on function counted_photos is
  'Part of search_facets, search_places and shared_words: the photos that they count, as SQL with one column, photo_id. Parameters: $2 query, $3 labels, $4 filters, $6 n, $7 kind, $8 min_score.';
