-- requires: label_batch
create or replace function label_trained_sets(of_model integer, photo_ids text[], but_not text[] default '{}') returns void
language plpgsql as $$
declare
  of_set text;
begin
  -- Before the sets are looked up: none of them may be removed meanwhile.
  perform label_lock(of_model, false);
  for of_set in
    select s.name from label_sets s
     where s.model_id = of_model and s.training is not null and s.name <> all (but_not) order by s.name
  loop
    perform label_batch(of_model, of_set, photo_ids);
  end loop;
end $$;
comment on function label_trained_sets is
  'Labels photos with all trained label sets of a model, but for those named. What writes embeddings calls it: no run names these sets.';
