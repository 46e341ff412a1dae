create or replace function normal_prompt(prompt text) returns text language plpgsql immutable as $$
declare
  result text := trim(regexp_replace(prompt, '\s+', ' ', 'g'));
begin
  if coalesce(result, '') = '' then
    raise exception 'a prompt of at least one word expected, found %', coalesce('"' || prompt || '"', 'null')
      using errcode = 'UC005';
  end if;
  -- A key of an index holds 2704 bytes, and models read some 300 characters.
  if octet_length(result) > 2000 then
    raise exception 'a prompt of at most 2000 bytes expected, found % beginning "%"', octet_length(result), left(result, 40)
      using errcode = 'UC005';
  end if;
  return result;
end $$;
comment on function normal_prompt is
  'The form in which a prompt is stored: single spaces, none at the ends. Upper and lower case differ.';
