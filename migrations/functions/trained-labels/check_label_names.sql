create or replace function check_label_names(set_name text, labels text[]) returns void language plpgsql immutable as $$
declare
  equal_labels text;
begin
  if (set_name ~ '^[a-z][a-z0-9_]{0,62}$') is not true then
    raise exception 'the name of a label set has lower-case letters, digits and _, found %', coalesce(set_name, 'null') using errcode = 'UC005';
  end if;
  if exists (select from unnest(labels) as label where coalesce(label, '') !~ '\S') then
    raise exception 'labels that are words expected, found an empty one' using errcode = 'UC005';
  end if;
  -- The index of label_rows holds no longer ones: every photo would be refused.
  if exists (select from unnest(labels) as label where octet_length(label) > 2000) then
    raise exception 'labels of at most 2000 bytes expected, found one beginning "%"',
      (select left(label, 40) from unnest(labels) as label where octet_length(label) > 2000 limit 1) using errcode = 'UC005';
  end if;
  -- Models read them as one: their tokens have neither upper case nor blanks at the ends.
  select string_agg(format('"%s"', label), ', ') into equal_labels from unnest(labels) as label
   group by lower(trim(regexp_replace(label, '\s+', ' ', 'g'))) having count(*) > 1 limit 1;
  if equal_labels is not null then
    raise exception 'different labels expected, found %, which differ in upper case and blanks at most', equal_labels using errcode = 'UC005';
  end if;
end $$;
comment on function check_label_names is
  'Part of define_label_set and define_trained_set: raises an error for names that no label set may have.';
