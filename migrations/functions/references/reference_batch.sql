-- requires: reference_statement
create or replace function reference_batch(of_model integer, photo_ids text[]) returns void language plpgsql as $$
declare
  of_set reference_sets;
begin
  -- Before the sets are looked up: none may be stored meanwhile that does not see these photos.
  perform label_lock(of_model, false);
  for of_set in select * from reference_sets s where s.model_id = of_model order by s.version loop
    execute reference_statement(of_set, 'e.photo_id = any ($1)',
                                'do update set top_mean = excluded.top_mean where s.top_mean <> excluded.top_mean')
      using photo_ids;
  end loop;
end $$;
comment on function reference_batch is
  'Compares these photos with the reference texts of their model, and stores the results. A trigger calls it for embeddings that are written.';
