create or replace function reference_set(of_model integer) returns reference_sets language plpgsql stable as $$
declare
  of_set reference_sets;
begin
  select * into of_set from reference_sets s where s.model_id = of_model order by s.state = 'coming' desc limit 1;
  if of_set.version is null then
    raise exception 'The model has no reference texts. Run: unsplash-clip models correct %',
      (select m.name || '@' || m.precision from models m where m.id = of_model) using errcode = 'UC003';
  end if;
  return of_set;
end $$;
comment on function reference_set is 'The reference set to compare photos with: the coming one, if there is one.';
