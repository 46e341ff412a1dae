create or replace function use_correction(weight double precision, model text default null) returns void language plpgsql as $$
declare
  of_model constant integer := model_id_of(model);
begin
  if (weight between 0 and 2) is not true then
    raise exception 'weight must be a number from 0 to 2, found %', coalesce(weight::text, 'null') using errcode = 'UC005';
  end if;
  update reference_sets s set weight = use_correction.weight where s.model_id = of_model and s.state = 'current';
  if not found and weight > 0 then
    raise exception 'Photos are not compared with reference texts yet. Run: unsplash-clip models correct %',
      (select m.name || '@' || m.precision from models m where m.id = of_model) using errcode = 'UC003';
  end if;
end $$;
comment on function use_correction is
  'Sets the weight of the correction in searches by words that name none. 0: hits are ordered by their scores.';
