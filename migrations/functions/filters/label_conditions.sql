create or replace function label_conditions(of_model integer, labels jsonb) returns text language plpgsql stable as $$
declare
  conditions text := '';
  entry jsonb;
  known text;
  wanted record;
begin
  for entry in select jsonb_array_elements(labels) loop
    if jsonb_typeof(entry) <> 'object' or not entry ?& array['set', 'label']
       or exists (select from jsonb_object_keys(entry) as key where key not in ('set', 'label', 'min_score')) then
      raise exception 'a label filter is {"set": …, "label": …, "min_score": …}, found %', entry using errcode = 'UC001';
    end if;
    if not exists (select from label_sets where model_id = of_model and name = entry ->> 'set') then
      select string_agg(name, ', ' order by name) into known from label_sets where model_id = of_model;
      raise exception 'there is no label set % for this model; known: %', entry -> 'set', coalesce(known, 'none')
        using errcode = 'UC001';
    end if;
    select array_to_string(s.labels, ', ') into known from label_sets s
     where model_id = of_model and name = entry ->> 'set' and not coalesce(entry ->> 'label' = any (s.labels), false);
    if found then
      raise exception 'label set % has no label %; its labels are %', entry ->> 'set', entry -> 'label', known
        using errcode = 'UC001';
    end if;
    if jsonb_typeof(coalesce(entry -> 'min_score', '0')) <> 'number'
       or not (coalesce(entry ->> 'min_score', '0'))::numeric between 0 and 1 then
      raise exception 'min_score expects a number between 0 and 1, found %', entry -> 'min_score' using errcode = 'UC001';
    end if;
  end loop;

  -- Several labels of one set: any of them will do. Several sets: all must hold.
  for wanted in
    select min(position) - 1 as first, string_agg(
        format('(l.label = $3 -> %1$s ->> ''label'' and l.score >= coalesce(($3 -> %1$s ->> ''min_score'')::real, 0))',
               position - 1), ' or ' order by position) as any_of
      from jsonb_array_elements(labels) with ordinality as elements (element, position)
     group by element ->> 'set' order by 1
  loop
    conditions := conditions || format(
      ' and e.photo_id in (select l.photo_id from photo_labels l where l.model_id = %s and l.set_name = $3 -> %s ->> ''set'' and (%s))',
      of_model, wanted.first, wanted.any_of);
  end loop;
  return conditions;
end $$;
comment on function label_conditions is 'Part of search_conditions: conditions on labels of a model.';
