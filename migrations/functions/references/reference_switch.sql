-- requires: measure_references
create or replace function reference_switch(of_model integer) returns boolean language plpgsql as $$
declare
  former reference_sets;
  switched boolean;
begin
  perform label_lock(of_model, true);
  switched := exists (select from reference_sets s where s.model_id = of_model and s.state = 'coming' and s.complete);
  if switched then
    delete from reference_sets s where s.model_id = of_model and s.state = 'current' returning * into former;
    update reference_sets s set state = 'current', weight = coalesce(former.weight, s.weight)
     where s.model_id = of_model and s.state = 'coming';
  end if;
  update reference_sets s
     set floor = (select percentile_disc(0.01) within group (order by c.top_mean) from reference_scores c where c.version = s.version)
   where s.model_id = of_model and s.state = 'current';
  perform measure_references(s.version) from reference_sets s where s.model_id = of_model and s.state = 'current';
  return switched;
end $$;
comment on function reference_switch is
  'Makes the coming reference set of a model current, with the weight of the former one. False when there is none, or when photos may not be compared with it yet. Measures the floor and the cut of the current set, and how well the cut agrees with descriptions.';
