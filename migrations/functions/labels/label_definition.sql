-- requires: label_definitions
create or replace function label_definition(of_model integer, of_set text) returns label_definitions language plpgsql stable as $$
declare
  definition label_definitions;
begin
  select * into definition from label_definitions d
   where d.model_id = of_model and d.set_name = of_set order by d.state = 'coming' desc limit 1;
  if definition is null then
    raise exception 'Label set % is not stored for this model. Run: unsplash-clip labels predict %', of_set, of_set using errcode = 'UC003';
  end if;
  if cardinality(definition.prompts) = 0 then
    raise exception 'The label set % has clusters, whose labels are written once. Find them again: unsplash-clip analyze cluster --save %', of_set, of_set
      using errcode = 'UC005';
  end if;
  return definition;
end $$;
comment on function label_definition is 'The definition to label photos under: the coming one, if there is one.';
