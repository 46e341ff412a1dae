create or replace function column_condition(entry jsonb, n integer) returns text language plpgsql stable as $$
declare
  operators constant text[] := array['=', '!=', '<', '<=', '>', '>=', '~', 'in', 'is null', 'is not null'];
  operator constant text := entry ->> 'operator';
  value constant jsonb := entry -> 'value';
  column_type text;
  known text;
begin
  if (select string_agg(key, ' ' order by key) from jsonb_object_keys(entry) as key)
     <> (case when operator in ('is null', 'is not null') then 'column operator' else 'column operator value' end) then
    raise exception 'a filter on a column is {"column": …, "operator": …, "value": …}, without a value for is null and is not null, found %', entry
      using errcode = 'UC001';
  end if;
  select format_type(atttypid, atttypmod) into column_type from pg_attribute
   where attrelid = 'photos'::regclass and attnum > 0 and not attisdropped
     and attname = entry ->> 'column' and attname <> 'created_at';
  if column_type is null then
    select string_agg(attname, ', ' order by attnum) into known from pg_attribute
     where attrelid = 'photos'::regclass and attnum > 0 and not attisdropped and attname <> 'created_at';
    raise exception 'photos have no column %; the columns are %', entry -> 'column', known using errcode = 'UC001';
  end if;
  if operator is null or not operator = any (operators) then
    raise exception '% is no operator; the operators are %', entry -> 'operator', array_to_string(operators, ' ')
      using errcode = 'UC001';
  end if;
  if operator in ('is null', 'is not null') then
    return format(' and p.%I %s', entry ->> 'column', operator);
  end if;
  if operator = '~' and column_type <> 'text' then
    raise exception '~ looks inside text, and % is %', entry ->> 'column', column_type using errcode = 'UC001';
  end if;
  if operator = 'in' and jsonb_typeof(value) <> 'array' then
    raise exception 'in expects an array of values, found %', value using errcode = 'UC001';
  end if;
  begin
    if exists (select from jsonb_array_elements(case operator when 'in' then value else jsonb_build_array(value) end) as each
                where jsonb_typeof(each) in ('null', 'object', 'array')) then
      raise invalid_text_representation;
    end if;
    execute format('select %s::%s', case operator when 'in' then 'text_array($1)' else '($1 #>> ''{}'')' end,
                   column_type || case operator when 'in' then '[]' else '' end) using value;
  exception when data_exception then
    raise exception '% expects %, found %', entry ->> 'column', column_type, left(value::text, 200) using errcode = 'UC001';
  end;
  return case
    when operator = 'in' then
      format(' and p.%I = any (text_array($4 -> %s -> ''value'')::%s[])', entry ->> 'column', n, column_type)
    when operator = '~' then
      format(' and strpos(lower(p.%I), lower($4 -> %s ->> ''value'')) > 0', entry ->> 'column', n)
    -- Texts are ordered by their bytes. Whether two are equal is the same in every collation, and an index knows it.
    when column_type = 'text' and operator not in ('=', '!=') then
      format(' and p.%I collate "C" %s ($4 -> %s ->> ''value'')', entry ->> 'column', operator, n)
    else
      format(' and p.%I %s ($4 -> %s ->> ''value'')::%s', entry ->> 'column', operator, n, column_type)
    end;
end $$;
comment on function column_condition is 'Part of search_conditions: a condition on a metadata column.';
