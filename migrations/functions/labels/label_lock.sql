create or replace function label_lock(of_model integer, alone boolean) returns void language plpgsql as $$
begin
  if alone then
    perform pg_advisory_xact_lock(1668047986, of_model);
  else
    perform pg_advisory_xact_lock_shared(1668047986, of_model);
  end if;
end $$;
comment on function label_lock is
  'Keeps label definitions unchanged until the end of the transaction. alone: also lets no other session label photos of this model.';
